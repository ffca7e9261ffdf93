#include "measure/outage.h"

static bool absent(enum outcome o)
{
    switch (o) {
    case OUT_DNS:
    case OUT_CONNECT:
    case OUT_TLS:
    case OUT_HTTP_5XX:
    case OUT_TIMEOUT:
    case OUT_STALLED:
    case OUT_RESET:
    case OUT_TRUNCATED:
        return true;
    default:
        return false;
    }
}

bool outage_gone(const struct outage *o)
{
    return o->away && o->refused >= OUTAGE_FAILURES;
}

enum outage_news outage_row(struct outage *o, const struct row *r, int64_t *away_ns, uint64_t *failures)
{
    const struct timeline *t = &r->tl;
    if (t->outcome == OUT_OK && t->end > o->since) { /* else it had ended before, and is told late */
        bool back = o->away;
        int64_t first = t->first_byte > o->since ? t->first_byte : t->end;
        *away_ns = first - o->since;
        *failures = o->failures;
        *o = (struct outage){0};
        return back ? OUTAGE_BACK : OUTAGE_NOTHING;
    }
    if (!absent(t->outcome))
        return OUTAGE_NOTHING;
    o->refused += t->outcome == OUT_CONNECT || t->outcome == OUT_DNS;
    if (o->failures++ == 0 || t->end < o->since)
        o->since = t->end;
    bool long_enough = t->end - o->since >= OUTAGE_LEAST_NS || o->refused >= OUTAGE_FAILURES;
    if (o->away || o->failures < OUTAGE_FAILURES || !long_enough)
        return OUTAGE_NOTHING;
    o->away = true;
    return OUTAGE_AWAY;
}
