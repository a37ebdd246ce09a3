"""Group robots of WeCom, DingTalk and Feishu: text messages out, nothing in."""
