/* One more command inside a virtual that runs, from the caller's terminal.
 *
 *     client              `virtualing exec`: root, outside of the cage; reads the state folder, which is root's
 *      └─ init            only with a pid namespace, whose members can only be born in it: behind all the walls of the
 *          │              jail but in the host's pid namespace, so that nobody inside sees it before it has executed
 *          │              its own kilobyte (run/init/main.c); it has nothing that the command has not
 *          └─ command     in the cage, the jail and all its namespaces
 *
 * The child is that of spawn() with other first steps: it enters the groups of the virtual, and joins the namespaces of
 * its child instead of making new ones; ids, limits of resources, capabilities, filter come from the same description
 * and the same table of steps (jail/enter.c).  Who that is, is known by pidfd and start time; a group that is opened
 * while he lives is his, and who enters one that is being removed fails or is killed with the others.
 *
 * The command and init are a process group of their own, and the client is its shell: it lends the terminal, hands on
 * the signals that the command does not get from it, and stops when that one is stopped.  If the client is killed, so
 * is the command (PR_SET_PDEATHSIG).
 */
#pragma once

/* Returns the exit status of the program: the command's, 128+N, or 125, 126, 127 and it has been said why. */
int exec_run(const char *name, char *const *argv);
