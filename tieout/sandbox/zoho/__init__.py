"""A local Zoho CRM v8 (with a v2 alias): accounts server, records, metadata, notifications and limits on one port."""

from tieout.sandbox.zoho.server import ZohoServer
from tieout.sandbox.zoho.settings import ZohoSettings

__all__ = ["ZohoServer", "ZohoSettings"]
