"""What each view shows, as pure functions and values: no Qt, so that tests need no display."""
