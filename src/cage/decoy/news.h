/* What a decoy tells the supervisor: one of these a write, on a pipe that several share. */
#pragma once

enum decoy_step {
	DECOY_INFLATED = 1, /* waits outside the cage */
	DECOY_JOINED,	    /* stands in it */
};

struct decoy_news {
	int step, pid;
};
