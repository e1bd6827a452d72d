"""The window: Qt widgets over the view-models; knows no protocol rule and does no I/O of its own."""
