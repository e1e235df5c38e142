-- Enrichment: what films are like, computed from facts or told by a language model.
--   estimated      which of the columns are a model's guess where facts are missing
--   enriched_by    `rules`, or the model and its prompt
--   enriched_from  a hash of the facts they were made of: where it differs, they are stale
ALTER TABLE movies
    ADD COLUMN sentiment       text,
    ADD COLUMN budget_tier     text,
    ADD COLUMN revenue_tier    text,
    ADD COLUMN effectiveness   double precision,
    ADD COLUMN target_audience text,
    ADD COLUMN estimated       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN enriched_by     text,
    ADD COLUMN enriched_from   text,
    ADD COLUMN enriched_at     timestamptz;

-- NOT VALID: the rows that are there hold none of this, so a large table need not be read while
-- it is locked. What is written from now on is checked.
ALTER TABLE movies
    ADD CONSTRAINT movies_sentiment CHECK (
        sentiment IN ('positive', 'negative', 'neutral', 'mixed')) NOT VALID,
    ADD CONSTRAINT movies_budget_tier CHECK (
        budget_tier IN ('low', 'medium', 'high', 'ultra_high')) NOT VALID,
    ADD CONSTRAINT movies_revenue_tier CHECK (
        revenue_tier IN ('low', 'medium', 'high', 'blockbuster')) NOT VALID,
    ADD CONSTRAINT movies_effectiveness CHECK (effectiveness BETWEEN 0 AND 10) NOT VALID,
    ADD CONSTRAINT movies_target_audience CHECK (
        target_audience IN ('kids', 'families', 'teens', 'adults')) NOT VALID,
    ADD CONSTRAINT movies_estimated CHECK (
        estimated <@ ARRAY['budget_tier', 'revenue_tier']) NOT VALID;

-- Answers of a language model under a hash of model, prompt, form and data.
CREATE TABLE llm_answers (
    key        text PRIMARY KEY,
    model      text NOT NULL,
    prompt     text NOT NULL,
    answer     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX llm_answers_expires_at ON llm_answers (expires_at);

-- Every question asked. While it runs, tokens and cost hold what it may come to at most, so that
-- budgets count it. Texts are kept only where PALATE_LLM_RECORD_CONTENT says so; keys never.
CREATE TABLE llm_calls (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    called_at  timestamptz NOT NULL DEFAULT now(),
    model      text NOT NULL,
    prompt     text NOT NULL,
    outcome    text NOT NULL DEFAULT 'running'
               CHECK (outcome IN ('running', 'ok', 'repaired', 'invalid', 'failed', 'cut')),
    tokens_in  bigint NOT NULL CHECK (tokens_in >= 0),
    tokens_out bigint NOT NULL CHECK (tokens_out >= 0),
    cost       double precision CHECK (cost >= 0),   -- US dollars; NULL: the price is not known
    seconds    double precision CHECK (seconds >= 0),
    question   text,
    answer     text
);
CREATE INDEX llm_calls_called_at ON llm_calls (called_at);
