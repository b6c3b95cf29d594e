/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/incident_svg.h"

#include "cli/show.h"

#include <string.h>

enum {
    WIDTH = 760,
    HEIGHT = 340,
    LEFT = 60,
    RIGHT = 24,
    TOP = 70,
    BOTTOM = 250,
    LABELS_Y = 276,
    LABEL_STEP = 16,
};

struct plot {
    FILE *out;
    double most; /* seconds at the right edge */
};

static double x_of(const struct plot *plot, double seconds)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / plot->most;
}

static double y_of(double share)
{
    return BOTTOM - (BOTTOM - TOP) * share;
}

/* Text from outside, inside of an element. */
static void text_put(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static double after(const json_t *incident, const char *key)
{
    const json_t *value = json_object_get(incident, key);
    return value ? json_real_value(value) : -1;
}

/* A whole number of steps that people like, at most eight. */
static double step_of(double most)
{
    static const double steps[] = {0.1, 0.2, 0.5, 1,   2,   5,    10,  20,
                                   30,  60,  120, 300, 600, 1800, 3600};
    unsigned i = 0;
    while (i + 1 < sizeof(steps) / sizeof(steps[0]) && most / steps[i] > 8) {
        i++;
    }
    return steps[i];
}

static void axes(const struct plot *plot)
{
    double step = step_of(plot->most);
    for (int percent = 0; percent <= 100; percent += 25) {
        double y = y_of(percent / 100.0);
        fprintf(plot->out,
                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>\n"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d %%</text>\n",
                LEFT, y, WIDTH - RIGHT, y, LEFT - 6, y + 4, percent);
    }
    for (unsigned i = 0; i * step <= plot->most; i++) {
        fprintf(plot->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g s</text>\n",
                x_of(plot, i * step), BOTTOM + 14, i * step);
    }
}

/* All of it until answers change, then less, at last nothing. */
static void curve(const struct plot *plot, double changed, double over)
{
    fprintf(
        plot->out,
        "<polygon points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\" fill=\"#f6d5c9\" "
        "stroke=\"none\"/>\n<polyline points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\" "
        "fill=\"none\" stroke=\"#b5391c\" stroke-width=\"2\"/>\n",
        x_of(plot, 0), y_of(0), x_of(plot, 0), y_of(1), x_of(plot, changed), y_of(1),
        x_of(plot, over), y_of(0), x_of(plot, 0), y_of(0), x_of(plot, 0), y_of(1),
        x_of(plot, changed), y_of(1), x_of(plot, over), y_of(0), x_of(plot, plot->most), y_of(0));
}

static void marks(const struct plot *plot, const json_t *incident)
{
    static const char *const rows[][2] = {{"detected", "detected"},
                                          {"changed", "answers changed"},
                                          {"half", "half is over"},
                                          {"over", "over"}};
    int line = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double at = after(incident, rows[i][0]);
        if (at < 0) {
            continue;
        }
        fprintf(
            plot->out,
            "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#345\" "
            "stroke-dasharray=\"3 3\"/>\n<circle cx=\"%.1f\" cy=\"%d\" r=\"3\" fill=\"#345\"/>\n"
            "<text x=\"%d\" y=\"%d\">T+%.1f s  %s</text>\n",
            x_of(plot, at), TOP, x_of(plot, at), BOTTOM, x_of(plot, at), BOTTOM,
            LEFT + line % 2 * 330, LABELS_Y + 14 + line / 2 * LABEL_STEP, at, rows[i][1]);
        line++;
    }
}

void incident_svg(FILE *out, const json_t *incident)
{
    double changed = after(incident, "changed"), over = after(incident, "over");
    struct plot plot = {out, 1};
    changed = changed < 0 ? 0 : changed;
    over = over < changed ? changed : over;
    plot.most = over * 1.08 > 0.2 ? over * 1.08 : 0.2;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#223\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"26\" "
            "font-size=\"16\" font-weight=\"bold\">Site ",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
    text_put(out, show_text(incident, "site"));
    fprintf(out, ", %.19s UTC: ", show_text(incident, "failed_at"));
    text_put(out, show_text(incident, "because"));
    fprintf(out,
            "</text>\n<text x=\"%d\" y=\"46\">How much of what caches hold leads to the site (%lld "
            "%s); expected of caches that are asked all the time,</text>\n<text x=\"%d\" "
            "y=\"60\">the end is the account of what was told.</text>\n",
            LEFT, (long long)show_number(incident, "services"),
            show_number(incident, "services") == 1 ? "service" : "services", LEFT);
    axes(&plot);
    curve(&plot, changed, over);
    marks(&plot, incident);
    fputs("</svg>\n", out);
}
