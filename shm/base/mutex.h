// Thread rule: safe from any thread.
//
// Mutexes, locks and conditions that Clang's thread-safety analysis understands. SMILEY_GUARDED_BY names the mutex
// that guards a member, SMILEY_REQUIRES_LOCK the mutex that a function's caller must hold. With Clang
// (-Wthread-safety) an access without the lock does not compile. For other compilers these are the types of the
// standard library.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define SMILEY_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SMILEY_THREAD_ATTRIBUTE(x)
#endif

// Of a field; of what a pointer points to.
#define SMILEY_GUARDED_BY(mutex) SMILEY_THREAD_ATTRIBUTE(guarded_by(mutex))
#define SMILEY_POINTEE_GUARDED_BY(mutex) SMILEY_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
// Of a function: its caller holds the mutex (for reading at least), or must not hold it.
#define SMILEY_REQUIRES_LOCK(...) SMILEY_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define SMILEY_REQUIRES_SHARED_LOCK(...) SMILEY_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define SMILEY_EXCLUDES(...) SMILEY_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
// Of a function that one thread alone can run, for a reason that stands beside it.
#define SMILEY_UNCHECKED SMILEY_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace smiley::shm {

class SMILEY_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void Lock() SMILEY_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() SMILEY_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

class SMILEY_THREAD_ATTRIBUTE(capability("mutex")) SharedMutex {
 public:
  void Lock() SMILEY_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() SMILEY_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  void LockShared() SMILEY_THREAD_ATTRIBUTE(acquire_shared_capability()) { mutex_.lock_shared(); }
  void UnlockShared() SMILEY_THREAD_ATTRIBUTE(release_shared_capability()) { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

// Holds a Mutex from here to the end of the block.
class SMILEY_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SMILEY_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() SMILEY_THREAD_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// The same for who only reads what a SharedMutex guards, and for who changes it.
class SMILEY_THREAD_ATTRIBUTE(scoped_lockable) ReadLock {
 public:
  explicit ReadLock(SharedMutex& mutex) SMILEY_THREAD_ATTRIBUTE(acquire_shared_capability(mutex)) : mutex_(mutex) {
    mutex_.LockShared();
  }
  ~ReadLock() SMILEY_THREAD_ATTRIBUTE(release_capability()) { mutex_.UnlockShared(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class SMILEY_THREAD_ATTRIBUTE(scoped_lockable) WriteLock {
 public:
  explicit WriteLock(SharedMutex& mutex) SMILEY_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~WriteLock() SMILEY_THREAD_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Waits may end without a reason: they stand in a loop that asks for what was waited for.
class Condition {
 public:
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

  void Wait(Mutex& mutex) SMILEY_REQUIRES_LOCK(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();  // its caller goes on holding it
  }
  // False: the time has come.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point until) SMILEY_REQUIRES_LOCK(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_until(lock, until) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }

 private:
  std::condition_variable condition_;
};

}  // namespace smiley::shm
