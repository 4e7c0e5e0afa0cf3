"""The remote places for artifacts; `pipeline.storage` is the only door to them."""
