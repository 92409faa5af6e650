#define _GNU_SOURCE
#include "CLinux.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// Segments without PF_W are private mappings of files that nobody writes to (there are no text relocations): whatever the kernel
// forgets of them it finds again in the file.
static int forget(struct dl_phdr_info *object, size_t size, void *page_mask) {
    (void)size;
    uintptr_t mask = *(uintptr_t *)page_mask;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        uintptr_t start = object->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;
        // Whole pages only: the last one may be shared with data.
        start = (start + mask) & ~mask, end &= ~mask;
        if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void perch_give_memory_back(void) {
    uintptr_t page_mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    malloc_trim(0);
    dl_iterate_phdr(forget, &page_mask);
}
