"""The pages before the workspace, and the dialogs around it."""
