"""The page on live or finished results, and the server that it is drawn from."""
