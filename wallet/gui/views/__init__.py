"""The views of the workspace, one a file."""
