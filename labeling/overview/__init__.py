"""The first page, the tour, and the sample audit that ships with the app."""
