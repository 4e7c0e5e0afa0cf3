"""What stands between the network and the session: who may ask for what, and which files go out."""
