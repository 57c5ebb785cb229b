"""How the parts are joined: from a body to the store, and from the store to a ticket."""
