-- Models that change while the server runs.

-- name: listen
LISTEN palate_models;
