/* What a decoy tells the supervisor: one of these a write, on a pipe that several share. */
#pragma once

enum { DECOY_FILE_BYTES = 1 << 20 }; /* that it maps again and again */

enum decoy_step {
	DECOY_INFLATED = 1, /* waits outside the cage */
	DECOY_JOINED,	    /* stands in it */
};

struct decoy_news {
	int step, pid;
};
