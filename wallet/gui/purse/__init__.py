"""The page of the owner's accounts."""
