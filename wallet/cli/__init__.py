"""The command ``channel-wallet``: thin, over the application that the window uses too."""
