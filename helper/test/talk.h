/* One request and its answer over a fresh connection, for the test programs. */
#ifndef BANGER_HELPER_TEST_TALK_H
#define BANGER_HELPER_TEST_TALK_H
#include "../../runtime/wire_client.h"
#include "../helper.h"

int talk_connect(const char *path);            /* -1 and errno */
int talk_send(int s, const struct bg_wire *w); /* bytes and fds as they are, well formed or not */
int talk_receive(int s, struct bg_wire *w);    /* 0, or -1 when the other end closed */
int talk(const char *path,
         struct bg_wire *w); /* all three; the request's fds are closed, the reply's are in w */
#endif
