/* The document writer: both forms of every block, and that hostile text stays text in each. */
#include "check.h"

#include "report/doc.h"
#include "util.h"

static const struct doc_column columns[] = {{"a|b", false}, {"n", true}};

/* Every block once, each with the same text. */
static void write_all(enum doc_form form, const char *text, struct buf *out)
{
    struct doc d;
    buf_init(out, 1 << 20);
    doc_begin(&d, out, form, text);
    doc_heading(&d, 1, "%s", text);
    doc_warning(&d, "BADGE", "%s", text);
    doc_cards_begin(&d);
    doc_card(&d, text, text, text);
    doc_cards_end(&d);
    doc_heading(&d, 2, "%s", text);
    doc_paragraph(&d, "%s", text);
    doc_list_begin(&d);
    doc_item(&d, "%s", text);
    doc_item_begin(&d);
    doc_strong(&d, "%s", text);
    doc_line_break(&d);
    doc_code(&d, "%s", text);
    doc_item_end(&d);
    doc_list_end(&d);
    doc_table_begin(&d, text, columns, ARRAY_LEN(columns));
    doc_row_begin(&d);
    doc_cell(&d, "%s", text);
    doc_cell_begin(&d);
    doc_code(&d, "%s", text);
    doc_cell_end(&d);
    doc_row_end(&d);
    doc_table_end(&d);
    doc_code_block(&d, "sh", text);
    doc_end(&d);
}

static void expect(enum doc_form form, const char *text, const char *const *parts, size_t n)
{
    struct buf out;
    write_all(form, text, &out);
    for (size_t i = 0; i < n; i++)
        if (strstr(out.data, parts[i]) == NULL)
            fail_msg("no '%s' in:\n%s", parts[i], out.data);
    buf_release(&out);
}

static void test_markdown(void **state)
{
    (void)state;
    struct buf out;
    write_all(DOC_MARKDOWN, "x", &out);
    assert_string_equal(out.data, "# x\n\n> **BADGE**: x\n\n## x\n\nx\n\n* x\n* **x**  \n`x`\n\n"
                                  "| a\\|b | n |\n|---|--:|\n| x | `x` |\n\n```sh\nx\n```\n");
    buf_release(&out);
}

static void test_html(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "<title>x</title>",
        "<main>\n<h1>x</h1>\n<p class=\"warning\" role=\"note\"><strong>BADGE</strong> x</p>\n",
        "<dl class=\"cards\">\n<div><dt>x</dt><dd>x</dd><dd "
        "class=\"note\">x</dd></div>\n</dl>\n",
        "<section>\n<h2>x</h2>\n<p>x</p>\n<ul>\n<li>x</li>\n<li><strong>x</strong><br>\n<code>x</code></"
        "li>\n</ul>\n",
        "<thead>\n<tr><th scope=\"col\">a|b</th><th scope=\"col\" class=\"n\">n</th></tr>\n</thead>\n",
        "<tr><th scope=\"row\">x</th><td class=\"n\"><code>x</code></td></tr>\n",
        "<pre tabindex=\"0\"><code>x\n</code></pre>\n</section>\n</main>\n</body>\n</html>\n",
        "content=\"default-src 'none'; style-src 'unsafe-inline'\"",
    };
    expect(DOC_HTML, "x", parts, ARRAY_LEN(parts));
}

/* The unit of a card's figure stands apart; not all that has a space has one. */
static void test_cards(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"118 ms", "<dd>118 <span>ms</span></dd>"},
        {"– tok/s", "<dd>– <span>tok/s</span></dd>"},
        {"16 m 40 s", "<dd>16 m 40 s</dd>"},
        {"2 048", "<dd>2 048</dd>"},
        {"2 048 tok/s", "<dd>2 048 <span>tok/s</span></dd>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(DOC_HTML, cases[i][0], &cases[i][1], 1);
}

static void test_hostile_html(void **state)
{
    (void)state;
    static const char text[] = "</title><script>&amp;\" onload=\"'x'\x1b[2J\xff";
    static const char *const parts[] = {
        "<h1>&lt;/title&gt;&lt;script&gt;&amp;amp;&quot; "
        "onload=&quot;&#39;x&#39;\xef\xbf\xbd[2J\xef\xbf\xbd</h1>",
        "aria-label=\"&lt;/title&gt;&lt;script&gt;&amp;amp;&quot; onload=&quot;&#39;x&#39;"};
    struct buf out;
    expect(DOC_HTML, text, parts, ARRAY_LEN(parts));
    write_all(DOC_HTML, text, &out);
    assert_null(strstr(out.data, "<script"));
    assert_null(strstr(out.data, "\" onload"));
    assert_null(strstr(out.data, "'x'"));
    assert_null(strchr(out.data, '\x1b'));
    buf_release(&out);
}

static void test_hostile_markdown(void **state)
{
    (void)state;
    struct buf out;
    write_all(DOC_MARKDOWN, "<b>|[l](u) **`_#~&lt;\n# \x1b", &out);
    static const char escaped[] = "\\<b\\>\\|\\[l\\](u) \\*\\*\\`\\_\\#\\~\\&lt; \\# \xef\xbf\xbd";
    size_t n = 0;
    for (const char *p = out.data; (p = strstr(p, escaped)) != NULL; p++)
        n++;
    assert_int_equal(n, 7); /* two headings, warning, paragraph, two items, cell */
    assert_non_null(strstr(out.data, "| ``<b>\\|[l](u) **`_#~&lt; # \xef\xbf\xbd`` |\n"));
    assert_non_null(strstr(out.data, "```sh\n<b>|[l](u) **`_#~&lt;\n# \xef\xbf\xbd\n```\n"));
    buf_release(&out);
}

/* What stands at the start of a block or closes a fence. */
static void test_markdown_starts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"- x", "\n\n\\- x\n\n* \\- x\n"},
        {"+", "\n\n\\+\n\n"},
        {"===", "\n\n\\===\n\n"},
        {"1. x", "\n\n1\\. x\n\n"},
        {"12) x", "\n\n12\\) x\n\n"},
        {"1.5 x", "\n\n1.5 x\n\n"},
        {"    x", "\n\nx\n\n* x\n"},
        {"~~~", "\n\n\\~\\~\\~\n\n"},
        {"```", "````sh\n```\n````\n"},
        {"`\xe2\x80\x8b``", "````sh\n```\n````\n"}, /* the sign between them is dropped */
        {"a`", "| `` a` `` |\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(DOC_MARKDOWN, cases[i].text, &cases[i].wanted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_cards),
        cmocka_unit_test(test_hostile_html),
        cmocka_unit_test(test_hostile_markdown),
        cmocka_unit_test(test_markdown_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
