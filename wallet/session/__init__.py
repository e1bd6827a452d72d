"""The session driver: keeps the connection, signs what is valid by itself, flags what is not. Holds no Qt."""
