"""One profile, one owner: whoever holds a profile's lock serves its commands to the user's other programs."""
