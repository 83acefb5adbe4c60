//! Raised priority for the threads that move sound, where the system allows it.
//!
//! Linux only, best first. Real-time (`SCHED_RR`), for which a process needs a privilege: root, `CAP_SYS_NICE`, or `rtprio`
//! in limits.conf, which many distributions give to the group `audio`. A lower niceness, for which it needs `nice` there.
//! A lower niceness from rtkit, the service that desktops run for it. Without any of them nothing changes.
//!
//! A loop that sleeps 10 ms, longest gap in 4 s, on two cores with sixteen busy processes of other sessions: 33 to 44 ms as
//! it was, 38 to 40 ms with niceness -11, 10 to 11 ms with `SCHED_RR`. The kernel groups processes by session (autogroup),
//! and niceness counts inside the group only; there it helps: with two busy processes of the same session 14 to 32 ms
//! became 12 to 14. The same session is what the engines' own threads are.
//!
//! rtkit's real-time is not asked for: it wants a limit (`RLIMIT_RTTIME`) after which the system kills the program.
//! The engines' threads are not lowered: beside a busy program Hark would then wait for it.

/// What a thread does that should not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It moves samples between a device and the rest.
    Audio,
}

/// What became of the wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raised {
    /// Real-time. Threads that this one starts inherit it, so also cpal's ALSA callback thread.
    RealTime,
    /// A lower niceness; inherited like the above.
    Niceness,
    /// A lower niceness by rtkit, for this thread alone.
    ByRtkit,
    /// The system does not allow it: why.
    Refused(String),
}

/// Raises the calling thread. To be called at its beginning, before it opens a device. Takes 50 ms at most.
pub fn raise_current(role: Role) -> Raised {
    let raised = system::raise(role);
    tracing::debug!(?role, ?raised, "thread priority");
    raised
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Raised, Role};

    pub(super) fn raise(_: Role) -> Raised {
        Raised::Refused("not done on this system".to_owned())
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Raised, Role};
    use crossbeam_channel::bounded;
    use rustix::process::{getpriority_process, setpriority_process};
    use rustix::thread::gettid;
    use std::time::Duration;
    use thread_priority::unix::{RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id};
    use thread_priority::{ThreadPriority, ThreadPriorityValue};
    use zbus::blocking::{Connection, connection};

    /// Of 1 to 99; PulseAudio's own threads have 5, and JACK's from 10 up stay above.
    const AUDIO_REAL_TIME: u8 = 5;
    const ROUND_ROBIN: ThreadSchedulePolicy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    /// What PulseAudio's daemon takes; rtkit allows down to -15.
    const AUDIO_NICENESS: i32 = -11;
    /// rtkit answers within milliseconds where it runs; opening a microphone should not wait for one that does not.
    const PATIENCE: Duration = Duration::from_millis(50);

    pub(super) fn raise(role: Role) -> Raised {
        let (real_time, niceness) = match role {
            Role::Audio => (AUDIO_REAL_TIME, AUDIO_NICENESS),
        };
        let level = ThreadPriorityValue::try_from(real_time).map(ThreadPriority::Crossplatform);
        if level.is_ok_and(|level| set_thread_priority_and_policy(thread_native_id(), level, ROUND_ROBIN).is_ok()) {
            return Raised::RealTime;
        }
        if getpriority_process(None).is_ok_and(|now| now <= niceness) {
            return Raised::Niceness; // inherited
        }
        // On Linux "this process" (None) means the calling thread here.
        let Err(error) = setpriority_process(None, niceness) else { return Raised::Niceness };
        match ask_aside(gettid().as_raw_nonzero().get(), niceness) {
            Ok(()) => Raised::ByRtkit,
            Err(rtkit) => Raised::Refused(format!("{error}; rtkit: {rtkit}")),
        }
    }

    /// Asks rtkit on a thread of its own, which is left behind when it takes longer than [`PATIENCE`].
    fn ask_aside(thread: i32, niceness: i32) -> Result<(), String> {
        let (tx, rx) = bounded(1);
        let ask = move || {
            let answer = system_bus().and_then(|bus| ask(&bus, thread, niceness)).map_err(|error| error.to_string());
            let _ = tx.send(answer); // nobody waits any more after PATIENCE
        };
        std::thread::Builder::new().name("hark-rtkit".to_owned()).spawn(ask).map_err(|error| error.to_string())?;
        rx.recv_timeout(PATIENCE).unwrap_or_else(|_| Err("no answer yet".to_owned()))
    }

    fn system_bus() -> zbus::Result<Connection> {
        connection::Builder::system()?.method_timeout(Duration::from_secs(5)).build()
    }

    /// `MakeThreadHighPriority(t thread, i niceness)`, see rtkit's README. rtkit finds the process by the connection.
    fn ask(bus: &Connection, thread: i32, niceness: i32) -> zbus::Result<()> {
        let body = (u64::try_from(thread).unwrap_or_default(), niceness);
        let (name, path) = ("org.freedesktop.RealtimeKit1", "/org/freedesktop/RealtimeKit1");
        bus.call_method(Some(name), path, Some(name), "MakeThreadHighPriority", &body).map(|_| ())
    }

    #[cfg(test)]
    mod tests {
        use super::super::raise_current;
        use super::*;
        use std::os::unix::net::UnixStream;
        use thread_priority::unix::thread_schedule_policy;

        fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
            std::thread::Builder::new().name("priority-test".to_owned()).spawn(work).unwrap().join().unwrap()
        }

        fn now() -> (bool, i32) {
            (thread_schedule_policy().unwrap() == ROUND_ROBIN, getpriority_process(None).unwrap())
        }

        #[test]
        fn a_thread_is_raised_and_so_are_those_that_it_starts() {
            let (before, raised, after, child) = on_a_thread(|| (now(), raise_current(Role::Audio), now(), on_a_thread(now)));
            match raised {
                Raised::RealTime => assert!(after.0 && child.0, "{after:?} {child:?}"),
                Raised::Niceness => assert_eq!((after.1, child.1), (AUDIO_NICENESS, AUDIO_NICENESS)),
                Raised::ByRtkit => assert_eq!(after.1, AUDIO_NICENESS),
                Raised::Refused(why) => {
                    assert_eq!(after, before);
                    println!("skipped: needs the right to raise a priority ({why})");
                }
            }
            assert_eq!(now(), before, "the other threads stay as they were");
        }

        /// Says what it was asked.
        struct FakeRtkit(crossbeam_channel::Sender<(u64, i32)>);

        #[zbus::interface(name = "org.freedesktop.RealtimeKit1")]
        impl FakeRtkit {
            fn make_thread_high_priority(&self, thread: u64, niceness: i32) -> zbus::fdo::Result<()> {
                self.0.send((thread, niceness)).map_err(|error| zbus::fdo::Error::Failed(error.to_string()))?;
                if niceness < -15 { Err(zbus::fdo::Error::AccessDenied("too much".to_owned())) } else { Ok(()) }
            }
        }

        #[test]
        fn rtkit_is_asked_in_its_own_words() {
            let (ours, its) = UnixStream::pair().unwrap();
            let (tx, rx) = bounded(4);
            let service = std::thread::Builder::new().name("fake-rtkit".to_owned()).spawn(move || {
                let path = "/org/freedesktop/RealtimeKit1";
                let guid = zbus::Guid::generate();
                connection::Builder::async_io_unix_stream(its)
                    .server(guid)
                    .unwrap()
                    .p2p()
                    .serve_at(path, FakeRtkit(tx))
                    .unwrap()
                    .build()
                    .unwrap()
            });
            let bus = connection::Builder::async_io_unix_stream(ours).p2p().build().unwrap();
            let _service = service.unwrap().join().unwrap();
            ask(&bus, 4711, -11).unwrap();
            assert_eq!(rx.recv_timeout(Duration::from_secs(5)), Ok((4711, -11)));
            let refused = ask(&bus, 4711, -20).unwrap_err().to_string();
            assert!(refused.contains("too much"), "{refused}");
        }
    }
}
