"""Fxiaoke (纷享销客) open platform."""
