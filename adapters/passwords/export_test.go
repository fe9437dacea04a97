package passwords

// Nobody is the hash that is looked at for whoever has none.
func (a Argon2id) Nobody() string { return a.nobody }
