/* See script.h. Lines live until the process ends. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    char *method, *path;
    unsigned nth, seen; /* nth 0: each time */
    struct script_step step;
    struct line *next;
};

static struct line *lines, **end = &lines;
static struct script_guest_plan guest = {.on_ctrl_alt_del = GUEST_EXIT};

const struct script_guest_plan *script_guest(void)
{
    return &guest;
}

static int parse_guest(char *rest)
{
    char *word = strtok_r(rest, " \t", &rest);
    char *number = strtok_r(rest, " \t", &rest);
    if (!word)
        return -1;
    if (strcmp(word, "ready") == 0)
        guest.silent = false;
    else if (strcmp(word, "silent") == 0)
        guest.silent = true;
    else if (strcmp(word, "poweroff") == 0)
        guest.after_ready = GUEST_POWEROFF;
    else if (strcmp(word, "exit") == 0 && number) {
        guest.after_ready = GUEST_EXIT;
        guest.exit_status = atoi(number);
    } else {
        return -1;
    }
    return 0;
}

static int parse_ctrl_alt_del(const char *word)
{
    static const char *const names[] = {
        [GUEST_STAY] = "ignore", [GUEST_EXIT] = "reboot", [GUEST_POWEROFF] = "poweroff"};
    for (unsigned i = 0; word && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(word, names[i]) == 0) {
            guest.on_ctrl_alt_del = (enum script_guest)i;
            return 0;
        }
    }
    return -1;
}

static int parse_step(char *rest, struct script_step *step)
{
    static const struct {
        const char *name;
        enum script_act act;
        bool number, text;
    } acts[] = {{"fail", SCRIPT_FAIL, true, true},
                {"lie", SCRIPT_LIE, true, true},
                {"hang", SCRIPT_HANG, false, false},
                {"exit", SCRIPT_EXIT, true, false},
                {"signal", SCRIPT_SIGNAL, true, false}};
    char *word = strtok_r(rest, " \t", &rest);
    for (size_t i = 0; word && i < sizeof acts / sizeof acts[0]; i++) {
        if (strcmp(word, acts[i].name) != 0)
            continue;
        char *number = acts[i].number ? strtok_r(rest, " \t", &rest) : NULL;
        if (acts[i].number && !number)
            return -1;
        step->act = acts[i].act;
        step->number = number ? atoi(number) : 0;
        step->text = acts[i].text && rest ? strdup(rest) : "";
        return step->text ? 0 : -1;
    }
    return -1;
}

static int parse_request(char *method, char *rest)
{
    char *path = strtok_r(rest, " \t", &rest);
    struct line *l = calloc(1, sizeof *l);
    if (!l || !path) {
        free(l);
        return -1;
    }
    char *at = strchr(path, '@');
    if (at) {
        *at = '\0';
        l->nth = (unsigned)atoi(at + 1);
    }
    l->method = strdup(method);
    l->path = strdup(path);
    if (!l->method || !l->path || parse_step(rest, &l->step) < 0) {
        free(l->method);
        free(l->path);
        free(l);
        return -1;
    }
    *end = l;
    end = &l->next;
    return 0;
}

static int parse_line(char *text)
{
    char *comment = strchr(text, '#'), *rest = text;
    if (comment)
        *comment = '\0';
    char *word = strtok_r(rest, " \t\r", &rest);
    if (!word)
        return 0;
    if (strcmp(word, "guest") == 0)
        return parse_guest(rest);
    if (strcmp(word, "ctrl-alt-del") == 0)
        return parse_ctrl_alt_del(strtok_r(rest, " \t", &rest));
    return parse_request(word, rest);
}

int script_add(const char *text, int *ret_line)
{
    char *copy = strdup(text), *rest = copy, *line;
    int r = copy ? 0 : -1;
    *ret_line = 0;
    while (r == 0 && (line = strsep(&rest, "\n"))) {
        ++*ret_line;
        r = parse_line(line);
    }
    free(copy);
    return r;
}

int script_add_boot_args(const char *boot_args)
{
    static const char key[] = "scripted=";
    char *copy = strdup(boot_args), *rest = copy, *word;
    int r = copy ? 0 : -1;
    while (r == 0 && (word = strtok_r(rest, " ", &rest))) {
        if (strncmp(word, key, sizeof key - 1) != 0)
            continue;
        for (char *p = word; *p; p++) {
            if (*p == ',')
                *p = ' ';
        }
        r = parse_line(word + sizeof key - 1);
    }
    free(copy);
    return r;
}

static bool path_matches(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);
    if (n > 0 && pattern[n - 1] == '*')
        return strncmp(pattern, path, n - 1) == 0;
    return strcmp(pattern, path) == 0;
}

const struct script_step *script_match(const char *method, const char *path)
{
    const struct script_step *found = NULL;
    for (struct line *l = lines; l; l = l->next) {
        if (strcmp(l->method, method) != 0 || !path_matches(l->path, path))
            continue;
        l->seen++;
        if (!found && (l->nth == 0 || l->nth == l->seen))
            found = &l->step;
    }
    return found;
}
