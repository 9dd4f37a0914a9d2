/* Mappings of files of which a page may turn out not to be there: the file became shorter, or its disk failed.
 *
 * Whoever touches such a page gets a signal, SIGBUS, and would die of it without a word, with temporary files left
 * and nothing undone. Here zeros take the place of the page and of all that follows it in the mapping, and where
 * that began is kept: the script asks for it before it goes by what it has read (System.refuseLoss).
 *
 * Both engines share this: the small engine links it, Bun maps the prebuilt bytes beside it.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdint.h>

/* What has more mappings of large files reads the others. */
#define MOST_GUARDED 64

/* Where the first page was that was lost; 0 while none was. */
extern uint64_t lost_page;

/* Guards a mapping, whose start and length are multiples of the page size. 0, or -1 where there are too many. */
int guard(uint64_t start, uint64_t length, uint64_t page_size);

#endif
