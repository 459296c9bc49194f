// Thread rule: safe from any thread.
//
// Mutexes, locks and conditions that Clang's thread-safety analysis understands. SMILEY_GUARDED_BY names the mutex
// that guards a member. SMILEY_REQUIRES_LOCK names the mutex that a function's caller must hold. With Clang
// (-Wthread-safety) an access without the lock does not compile. Other compilers ignore the attributes.
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

// On a member: the mutex guards the member, or the object that the member points to.
#define SMILEY_GUARDED_BY(mutex) SMILEY_THREAD_ATTRIBUTE(guarded_by(mutex))
#define SMILEY_POINTEE_GUARDED_BY(mutex) SMILEY_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
// On a function: its caller must hold the mutex, must hold it at least for reading, or must not hold it.
#define SMILEY_REQUIRES_LOCK(...) SMILEY_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define SMILEY_REQUIRES_SHARED_LOCK(...) SMILEY_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define SMILEY_EXCLUDES(...) SMILEY_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
// On a function: no analysis, because only one thread can run it. A comment beside the function gives the reason.
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

// Holds a SharedMutex for reading from here to the end of the block. WriteLock holds it for writing.
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

// A wait may end without a notification, so the caller waits in a loop that tests the condition.
class Condition {
 public:
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

  void Wait(Mutex& mutex) SMILEY_REQUIRES_LOCK(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();  // the caller still holds the mutex
  }
  // False: `until` has passed.
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
