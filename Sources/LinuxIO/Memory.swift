internal import CLinux

/// The memory of the whole process, as the kernel accounts for it.
package enum Memory {
  /// Gives the kernel back what is not needed while nothing happens: free memory of the heap, and the pages of code and constants that
  /// only starting or serving have used. What is needed after all comes back by itself, from the kernel's file cache. From any
  /// thread; takes about a millisecond, so for quiet moments.
  package static func giveBack() {
    perch_give_memory_back()
  }
}
