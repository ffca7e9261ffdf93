/* Conversations: a slot goes on with what was said in it, each turn carrying all of it. */
#include "load/worker_inside.h"

#include <string.h>

#define HISTORY_KEPT (16u << 20)

static void end_conversation(struct slot *s)
{
    s->turn = 0;
    buf_clear(&s->history);
}

void worker_end_turns(struct worker *w)
{
    for (int i = 0; i < w->slots_n; i++)
        end_conversation(w->slots[i]);
}

static void add_answer(struct slot *s)
{
    const struct buf *a = &s->t.answer;
    buf_adds(&s->history, ",{\"role\":\"assistant\",\"content\":\"");
    if (a->len > 0)
        buf_add_json(&s->history, a->data, a->len);
    buf_adds(&s->history, "\"}");
}

/* Tokens that the next turn's prompt will have, as far as can be told. */
static int64_t next_context(const struct slot *s)
{
    const struct timeline *t = &s->t.tl;
    int64_t prompt = t->prompt_tokens > 0 ? t->prompt_tokens : s->context;
    return prompt + MAX_OF(t->output_tokens, INT64_C(0)) + s->w->shared->cfg->turn_context;
}

void worker_turn_over(struct slot *s, bool ok)
{
    const struct load_shared *sh = s->w->shared;
    const struct prompt_set *p = s->w->target.prompts;
    size_t most = prompt_turns(p, s->conversation);
    int64_t room = sh->server->max_model_len, next = next_context(s);
    bool last = s->turn + 1 >= sh->cfg->turns || (most > 0 && (size_t)s->turn + 1 >= most) || (room > 0 && next + s->max_tokens > room);
    if (!ok || last || s->history.len > HISTORY_KEPT) {
        end_conversation(s);
        return;
    }
    if (s->history.len > 0)
        buf_adds(&s->history, ",");
    prompt_messages(p, &(struct body_spec){.seq = s->conversation, .turn = s->turn, .words = s->turn == 0 ? prompt_words(&sh->scale, s->context)
                                                                                                    : prompt_plain_words(&sh->scale, sh->cfg->turn_context)},
                    &s->history);
    add_answer(s);
    s->turn++;
    s->context = next;
}
