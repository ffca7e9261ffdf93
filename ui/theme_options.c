/* What --theme, --list-themes and --check-theme ask for: text, without a screen. */
#include "ui/theme_find.h"
#include "ui/ui.h"

#include <string.h>

struct told {
    FILE *f;
    const char *program; /* stands before each line */
};

static void tell(void *ctx, const char *file, int line, const char *text)
{
    const struct told *t = ctx;
    fprintf(t->f, "%s%s:", t->program, file);
    if (line > 0)
        fprintf(t->f, "%d:", line);
    fprintf(t->f, " %s\n", text);
}

bool ui_check_theme(const char *name, struct err *e)
{
    struct told told = {stderr, "tokgauge: "};
    struct theme_entry t;
    if (name == NULL)
        return true;
    if (!theme_open(name, &t, &(struct theme_report){&told, tell}, e))
        return false;
    theme_entry_release(&t);
    return true;
}

void ui_list_themes(FILE *f)
{
    struct theme_list l;
    size_t widest = 0;
    theme_list_make(&l);
    for (size_t i = 0; i < l.n; i++)
        widest = MAX_OF(widest, utf8_count(l.at[i].name, strlen(l.at[i].name)));
    for (size_t i = 0; i < l.n; i++) {
        const struct theme_entry *t = &l.at[i];
        int fill = (int)(widest - utf8_count(t->name, strlen(t->name)));
        fprintf(f, "%s%*s  %-5s  %s\n", t->name, fill, "", variant_name(t->theme.variant),
                t->path != NULL ? t->path : "built in");
    }
    theme_list_release(&l);
}

int ui_check_theme_file(const char *name, FILE *f, struct err *e)
{
    struct told told = {f, ""};
    const struct theme_report report = {&told, tell};
    struct theme_entry t;
    if (!theme_open(name, &t, &report, e))
        return -1;
    unsigned n = t.found.warnings + theme_check_contrast(&t.theme, t.path != NULL ? t.path : t.name, &report);
    theme_entry_release(&t);
    return (int)MIN_OF(n, 1u << 30);
}
