"""Zoho CRM REST v8."""
