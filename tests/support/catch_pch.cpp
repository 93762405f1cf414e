// The owner of the precompiled header that every test program reuses.
