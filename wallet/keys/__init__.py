"""Recovery phrase, accounts, the encrypted vault, owner, session and gas keys. No Qt, no network."""
