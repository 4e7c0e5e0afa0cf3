"""How a download reaches the net: checked addresses, one guarded proxy, yt-dlp in a child."""
