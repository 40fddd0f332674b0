//! Senders, receivers and control clients beside bare ZeroMQ sockets in spiked's place.

// SPDX-License-Identifier: Apache-2.0

use crate::common::vector;
use spiked::{json, Control, Error, Keys, Options, Pairs, Receiver, Sender, Stamp, Value};
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

fn peer(kind: zmq::SocketType) -> (zmq::Socket, String) {
    let socket = zmq::Context::new().socket(kind).unwrap();
    socket.set_rcvtimeo(5000).unwrap();
    socket.set_linger(0).unwrap();
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = socket.get_last_endpoint().unwrap().unwrap();
    (socket, endpoint)
}

fn hasty() -> Options {
    Options { timeout: Some(Duration::from_millis(50)), ..Options::default() }
}

#[test]
fn rows_go_out_as_the_vectors_say_with_numbers_of_their_stream() {
    let (spiked, endpoint) = peer(zmq::PULL);
    let mut sender = Sender::connect(&endpoint).unwrap();
    let stamped = vector("row-f32-stamp");
    let stamp = Stamp { time_ns: 1_699_999_999_998_500_000, seq: 41 };

    sender.send_stamped("imu", &[1.0f32, 2.0, 3.0], Some(stamp)).unwrap();
    assert_eq!(spiked.recv_multipart(0).unwrap(), stamped.frames);
    assert_eq!(sender.send_at("imu", &[0.0f32], 7).unwrap(), 42);
    assert_eq!(spiked.recv_multipart(0).unwrap()[2], [7i64.to_le_bytes(), 42i64.to_le_bytes()].concat());

    sender.send_stamped("skin", &Pairs(&[(0, 1.5), (5, -0.25)]), None).unwrap();
    assert_eq!(spiked.recv_multipart(0).unwrap(), vector("row-pairs").frames);
    assert_eq!(sender.send("skin", &Pairs(&[(0, 0.0)])).unwrap(), 0);
    sender.skip("skin", 3).unwrap();
    assert_eq!(sender.send("skin", &Pairs(&[(0, 0.0)])).unwrap(), 4);

    sender.send_stamped("imu", &json!([1, 2.5, null]), None).unwrap();
    let last = std::iter::repeat_with(|| spiked.recv_multipart(0).unwrap()).nth(2).unwrap();
    assert_eq!(last, vector("row-json").frames);
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is() {
    let (_spiked, endpoint) = peer(zmq::PULL);
    let mut sender = Sender::connect(&endpoint).unwrap();
    for name in ["", "a/b", "ü", &"x".repeat(65)] {
        assert!(matches!(sender.send(name, &[1.0f32]), Err(Error::Invalid(_))), "{name}");
    }
    assert!(matches!(sender.send("imu", &[0.0f32; 0]), Err(Error::Invalid(_))));
    assert!(Sender::connect("nowhere").is_err());
    assert!(Sender::connect("tcp://127.0.0.1:1\0").is_err());
}

#[test]
fn rows_do_not_wait_for_a_spiked_that_is_away() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("tcp://127.0.0.1:{port}"); // where nobody listens
    let mut sender = Sender::with(&endpoint, hasty()).unwrap();
    assert!(matches!(sender.send("imu", &[1.0f32]), Err(Error::Blocked(_))));
    let spiked = zmq::Context::new().socket(zmq::PULL).unwrap();
    spiked.set_rcvtimeo(5000).unwrap();
    spiked.bind(&endpoint).unwrap();
    let seq = (0..100).find_map(|_| sender.send("imu", &[2.0f32]).ok());
    assert_eq!(seq, Some(0), "the number of a row that was not taken is used again");
    assert_eq!(spiked.recv_multipart(0).unwrap()[1], 2.0f32.to_le_bytes());
}

/// A frame of `spikes/imu/` with these numbers.
fn tick(epoch: u64, tick: u64, seq: u64) -> Vec<Vec<u8>> {
    let mut frames = vector("spikes-words").frames;
    frames[1][8..16].copy_from_slice(&epoch.to_le_bytes());
    frames[1][16..24].copy_from_slice(&tick.to_le_bytes());
    frames[1][24..32].copy_from_slice(&seq.to_le_bytes());
    frames
}

#[test]
fn loss_gaps_and_restarts_are_told_and_bad_messages_passed_over() {
    let (spiked, endpoint) = peer(zmq::XPUB);
    let mut receiver = Receiver::connect(&endpoint, &["spikes/imu/"]).unwrap();
    assert_eq!(spiked.recv_bytes(0).unwrap(), b"\x01spikes/imu/");
    let publish = |frames| spiked.send_multipart::<Vec<Vec<u8>>, _>(frames, 0).unwrap();
    publish(tick(1, 10, 5));
    publish(vector("bad-magic").frames);
    publish(tick(1, 11, 6));
    publish(tick(1, 15, 9));
    publish(tick(2, 0, 0));
    let told: Vec<_> = (0..4)
        .map(|_| receiver.recv().unwrap())
        .map(|message| (message.missed, message.gap, message.restarted))
        .collect();
    assert_eq!(told, [(0, 0, false), (0, 0, false), (2, 3, false), (0, 0, true)]);
    assert_eq!((receiver.missed(), receiver.malformed()), (2, 1));
    assert!(receiver.fault().unwrap().to_string().contains("SPK1"));

    receiver.unsubscribe("spikes/imu/").unwrap();
    assert_eq!(spiked.recv_bytes(0).unwrap(), b"\x00spikes/imu/");
    receiver.subscribe("spikes/imu/").unwrap();
    assert_eq!(spiked.recv_bytes(0).unwrap(), b"\x01spikes/imu/");
    publish(tick(2, 50, 50));
    assert_eq!(receiver.recv().unwrap().missed, 0, "a subscription starts anew");
}

#[test]
fn documents_tell_of_loss_and_restart_too() {
    let (spiked, endpoint) = peer(zmq::XPUB);
    let mut receiver = Receiver::connect(&endpoint, &["json/", "status/"]).unwrap();
    (0..2).for_each(|_| drop(spiked.recv_bytes(0).unwrap()));
    let mut tell = |topic: &str, json: Value| {
        spiked.send_multipart([topic.as_bytes().to_vec(), json.to_string().into_bytes()], 0).unwrap();
        receiver.recv().map(|message| (message.missed, message.restarted)).unwrap()
    };
    tell("json/imu/", json!({ "epoch": "00000000000000ff", "tick": 1, "seq": 1 }));
    tell("status/", json!({ "epoch": "00000000000000ff" }));
    let lost = tell("json/imu/", json!({ "epoch": "00000000000000ff", "tick": 9, "seq": 4 }));
    assert_eq!(lost, (2, false));
    assert_eq!(tell("status/", json!({ "epoch": "00000000000000fe" })), (0, true));
}

#[test]
fn silence_is_told_and_is_no_end() {
    let (spiked, endpoint) = peer(zmq::XPUB);
    let mut receiver = Receiver::with(&endpoint, &["spikes/"], hasty()).unwrap();
    assert!(matches!(receiver.next(), Some(Err(Error::Silence(_)))));
    spiked.recv_bytes(0).unwrap();
    spiked.send_multipart(tick(1, 1, 1), 0).unwrap();
    assert!(receiver.by_ref().take(100).any(|message| message.is_ok()));
}

/// Takes one request and gives its JSON, without the id, and a way to answer it.
fn request(spiked: &zmq::Socket) -> (Value, impl Fn(Value) + '_) {
    let mut frames = spiked.recv_multipart(0).unwrap();
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[1], b"");
    let text = frames.pop().unwrap();
    let answer = move |value: Value| {
        let frames = [&frames[..], &[value.to_string().into_bytes()]].concat();
        spiked.send_multipart(frames, 0).unwrap();
    };
    (serde_json::from_slice(&text).unwrap(), answer)
}

fn with_id(name: &str, id: &Value) -> Value {
    let mut decoded = vector(name).decoded;
    decoded["id"] = id.clone();
    decoded
}

#[test]
fn requests_and_answers_are_those_of_the_vectors() {
    let (spiked, endpoint) = peer(zmq::ROUTER);
    let client = std::thread::spawn(move || {
        let mut control = Control::connect(&endpoint).unwrap();
        control.info().unwrap();
        let refused = control.set("imu", 0, "v_th", 1.25).unwrap_err();
        let step = control.step(10).unwrap();
        let unread = control.stats().unwrap_err();
        let batch = control.batch(&[("step", json!({ "ticks": 10 })), ("stats", Value::Null)]).unwrap();
        (refused, step, unread, batch)
    });

    let (sent, answer) = request(&spiked);
    assert_eq!(sent, with_id("control-request", &sent["id"]));
    answer(json!({ "jsonrpc": "2.0", "id": sent["id"], "result": {} }));
    let (sent, answer) = request(&spiked);
    assert_eq!(sent, with_id("control-request-params", &sent["id"]));
    answer(with_id("control-reply", &json!(1))); // late, of a call that nobody waits for any more
    answer(with_id("control-error", &sent["id"]));
    let (sent, answer) = request(&spiked);
    answer(with_id("control-reply", &sent["id"]));
    let (_, answer) = request(&spiked);
    answer(vector("control-error-parse").decoded);
    let (sent, answer) = request(&spiked);
    let mut batch = vector("control-batch").decoded;
    (0..2).for_each(|i| batch[i]["id"] = sent[i]["id"].clone());
    assert_eq!(sent, batch);
    answer(json!([with_id("control-error", &sent[1]["id"]), with_id("control-reply", &sent[0]["id"])]));

    let (refused, step, unread, batch) = client.join().unwrap();
    match refused {
        Error::Refused(refusal) => {
            assert_eq!((refusal.code, refusal.path.as_deref()), (-32602, Some("value")));
            assert_eq!(refusal.to_string(), "v_th must be a finite number (value)");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(step, vector("control-reply").decoded["result"]);
    assert!(matches!(unread, Error::Refused(refusal) if refusal.code == -32700));
    assert!(batch[0].is_ok());
    assert_eq!(batch[1].as_ref().unwrap_err().path.as_deref(), Some("value"));
}

#[test]
fn a_daemon_that_is_away_and_one_that_does_not_answer_differ() {
    let (spiked, endpoint) = peer(zmq::ROUTER);
    let mut control = Control::with(&endpoint, hasty()).unwrap();
    control.set_timeout(Some(Duration::from_secs(5)));
    let asked = std::thread::spawn(move || {
        request(&spiked).1(json!({ "id": 1, "result": 1 }));
        spiked
    });
    control.info().unwrap();
    let spiked = asked.join().unwrap();
    control.set_timeout(Some(Duration::from_millis(50)));
    assert!(matches!(control.info(), Err(Error::NoAnswer(_))));
    drop(spiked);
    let away = (0..100).any(|_| matches!(control.info(), Err(Error::NotConnected(_)))); // closing takes its time
    assert!(away);
}

#[test]
fn keys_are_read_from_files_that_nobody_else_may_read() {
    let folder = std::env::temp_dir().join(format!("spiked-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: String, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    };
    let own = zmq::CurveKeyPair::new().unwrap();
    let text = |key: &[u8]| zmq::z85_encode(key).unwrap();
    let (public, secret) = (text(&own.public_key), text(&own.secret_key));
    let server = text(&zmq::CurveKeyPair::new().unwrap().public_key);
    let both = format!("# of an arm\npublic: \"{public}\"\nsecret: \"{secret}\"\n");

    let good = write("good", both.clone(), 0o600);
    let daemon = write("daemon", format!("public: \"{server}\"\n"), 0o644);
    let keys = Keys::load(&good, &server).unwrap();
    assert_eq!((&keys.server, &keys.public, &keys.secret), (&server, &public, &secret));
    assert_eq!(Keys::load(&good, daemon.to_str().unwrap()).unwrap(), keys);
    assert!(!format!("{keys:?}").contains(&secret));

    let fault = |path| Keys::load(path, &server).unwrap_err().to_string();
    assert!(fault(write("open", both.clone(), 0o644)).contains("chmod 600"));
    assert!(fault(write("half", format!("public: \"{public}\"\n"), 0o600)).contains("no line secret"));
    assert!(fault(write("other", both.replace(&public, &server), 0o600)).contains("damaged"));
    let bad = Keys { secret: "~".repeat(40), ..keys };
    assert!(Sender::with("tcp://127.0.0.1:1", Options { keys: Some(bad), ..Options::default() }).is_err());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_spiked_with_other_keys_is_told_from_one_that_is_away() {
    let context = zmq::Context::new();
    let spiked = context.socket(zmq::PULL).unwrap();
    let server = zmq::CurveKeyPair::new().unwrap();
    spiked.set_curve_server(true).unwrap();
    spiked.set_curve_secretkey(&server.secret_key).unwrap();
    spiked.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = spiked.get_last_endpoint().unwrap().unwrap();
    let own = zmq::CurveKeyPair::new().unwrap();
    let text = |key: &[u8]| zmq::z85_encode(key).unwrap();
    let keys = Keys {
        server: text(&server.public_key),
        public: text(&own.public_key),
        secret: text(&own.secret_key),
    };
    let options = |keys| Options { keys, ..hasty() };

    let good = Options { keys: Some(keys.clone()), ..Options::default() };
    Sender::with(&endpoint, good).unwrap().send("imu", &[1.0f32]).unwrap();
    let wrong = Keys { server: keys.public.clone(), ..keys };
    for keys in [None, Some(wrong)] {
        let mut sender = Sender::with(&endpoint, options(keys)).unwrap();
        let told = (0..100).any(|_| match sender.send("imu", &[1.0f32]) {
            Err(blocked @ Error::Blocked(_)) => blocked.to_string().contains("do not agree about keys"),
            other => panic!("{other:?}"),
        });
        assert!(told);
    }
}

#[test]
fn all_of_them_may_be_moved_to_another_thread() {
    fn moves<T: Send>() {}
    moves::<Sender>();
    moves::<Receiver>();
    moves::<Control>();
    moves::<Error>();
}
