/* findings: what the rules make of a made-up run (made_run.h), for the tests of findings. */
#ifndef TG_FINDINGS_H
#define TG_FINDINGS_H

#include "check.h"
#include "made_run.h"

#include "report/insight.h"

static struct insight found[INSIGHT_RULES];

/* The finding of that rule in the made-up run, NULL where it is silent. */
static inline const struct insight *find(const char *rule)
{
    struct run_file *f = made();
    size_t n = insight_find(f, found);
    run_file_free(f);
    for (size_t i = 0; i < n; i++) {
        assert_true(found[i].sentence[0] != '\0' && found[i].evidence[0] != '\0');
        assert_null(strstr(found[i].evidence, "nan"));
        if (strcmp(found[i].rule, rule) == 0)
            return &found[i];
    }
    return NULL;
}

static inline void says(const char *rule, const char *words)
{
    const struct insight *i = find(rule);
    if (i == NULL)
        fail_msg("%s is silent", rule);
    else if (strstr(i->sentence, words) == NULL && strstr(i->evidence, words) == NULL && strstr(i->advice, words) == NULL)
        fail_msg("%s: '%s' is not in: %s | %s | %s", rule, words, i->sentence, i->evidence, i->advice);
}

static inline void silent(const char *rule)
{
    const struct insight *i = find(rule);
    if (i != NULL)
        fail_msg("%s says: %s (%s)", rule, i->sentence, i->evidence);
}

#endif
