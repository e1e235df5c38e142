"""Examples of the OpenAPI document. Tests hold them to the models they illustrate."""

from typing import Any

from serve.api.examples_ask import ASK_EXAMPLES

_HIT: dict[str, Any] = {
    "rank": 1,
    "movie_id": 2116,
    "title": "The Lord of the Rings",
    "original_title": None,
    "year": 1978,
    "genres": ["Adventure", "Fantasy"],
    "director": "Ralph Bakshi",
    "overview": "An animated telling of the first part of the story of the ring.",
    "runtime_minutes": 132,
    "poster_url": None,
    "avg_rating": 3.4,
    "rating_count": 61,
    "score": 0.82,
    "bm25_score": 9.71,
    "components": {
        "bm25": 0.9, "semantic": None, "content": 0.94, "collaborative": 0.8, "popularity": 0.5,
    },
    "contributions": {
        "bm25": 0.18, "semantic": 0.0, "content": 0.19, "collaborative": 0.4, "popularity": 0.05,
    },
    "learned_score": 1.73,
    "unpersonalized_rank": 4,
    "moved": 3,
    "seen": False,
    "rating": None,
    "rerank_score": None,
    "rerank_reason": None,
    "rank_before": None,
    "reasons": ["because you gave 4.5 to Dragonslayer (1981); lifted 3 places"],
    "reason_source": "template",
    "snippets": None,
}  # fmt: skip

_RATING: dict[str, Any] = {
    "user_id": 10001,
    "profile": "main",
    "movie_id": 2116,
    "title": "The Lord of the Rings",
    "year": 1978,
    "rating": 4.5,
    "rated_at": "2026-01-31T12:00:00Z",
}

RESPONSE_EXAMPLES: dict[str, Any] = {
    "search": {
        "query": {"text": "lord", "read_as": "lord", "notes": []},
        "user_id": 10001,
        "profile": "main",
        "personalized": True,
        "why_not_personalized": None,
        "relaxed": False,
        "mode": "lexical",
        "engine": "postgres",
        "order": "learned",
        "order_model": "lambdarank 1",
        "weights": {
            "bm25": 0.2, "semantic": 0.0, "content": 0.2, "collaborative": 0.5, "popularity": 0.1,
        },
        "total": None,
        "hits": [_HIT],
        "facets": None,
        "wording": None,
        "reranked": False,
        "reranked_by": None,
        "why_not_reranked": None,
        "did_you_mean": None,
        "next_cursor": None,
    },
    "suggest": {
        "prefix": "lord of",
        "suggestions": [{"movie_id": 2116, "title": "The Lord of the Rings", "year": 1978}],
    },
    "user": {
        "user_id": 10001,
        "profile": "main",
        "rating_count": 50,
        "mean_rating": 5.0,
        "genres": [{"genre": "Fantasy", "count": 50, "mean": 5.0}],
        "has_vector": True,
        "synthetic": True,
        "updated_at": "2026-01-31T12:00:00Z",
    },
    "ratings": {
        "user_id": 10001, "profile": "main", "limit": 50, "offset": 0, "ratings": [_RATING],
    },
    "rating": _RATING,
    "rate": _RATING,
    "forget": {"user_id": 10001, "ratings_deleted": 50},
    **ASK_EXAMPLES,
}  # fmt: skip


def _problem(status: int, title: str, detail: str, **more: Any) -> dict[str, Any]:
    name = title.lower().replace(" ", "-")
    return {
        "type": f"urn:palate:problem:{name}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/v1/search",
        "request_id": "0f9d2c6f6a1b4b0d8a35a7a7a1c6b1f2",
        **more,
    }


PROBLEM_EXAMPLES: dict[int, dict[str, Any]] = {
    401: _problem(
        401, "Unauthorized", "This API key is not known here. Nothing was done. "
        "Ask the operator for one.",
    ),
    404: _problem(404, "Not found", "There is no film 999. Nothing was changed."),
    422: _problem(
        422, "Invalid request",
        "query 'user': unknown parameter; did you mean 'user_id'. Nothing was done.",
        errors=[
            {
                "location": "query",
                "name": "user",
                "detail": "unknown parameter; did you mean 'user_id'",
            }
        ],
    ),
    503: _problem(
        503, "Database unavailable", "The database does not answer. What was not committed is "
        "undone. Try again shortly.",
    ),
}  # fmt: skip
