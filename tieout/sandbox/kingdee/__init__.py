"""A faithful local K3Cloud (星空) WebAPI server for the receivables forms; see `server.KingdeeServer`."""

from tieout.sandbox.kingdee.server import KingdeeServer
from tieout.sandbox.kingdee.settings import KingdeeSettings

__all__ = ["KingdeeServer", "KingdeeSettings"]
