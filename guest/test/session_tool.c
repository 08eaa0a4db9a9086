/* session_tool: serves its stdin, a socket, as the agent serves a connection. For specs. */
#include "../agent/session.h"

int main(void)
{
    return bg_session_main(0);
}
