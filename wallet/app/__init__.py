"""The application without a screen: what window and command line share."""
