-- What is loaded: the source and the embeddings' model, each NULL when there is none.
-- name: loaded
SELECT (SELECT name FROM sources) AS source, (SELECT name FROM embedding_model) AS model;
