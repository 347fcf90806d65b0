/* What the stage and init agree on. */
#pragma once

enum { INIT_REPORTS = 3 }; /* the descriptor of the report socket */
