//! Keys, for a spiked with `security` in its configuration.

// SPDX-License-Identifier: Apache-2.0

use crate::error::{Error, Result};
use std::ffi::CString;
use std::fmt;
use std::os::raw::{c_char, c_int};
use std::path::Path;

const KEY_SIZE: usize = 40;

/// The daemon's public key, and a pair of one's own; each 40 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub server: String,
    pub public: String,
    pub secret: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys {{ server: {:?}, public: {:?} }}", self.server, self.public)
    }
}

impl Keys {
    /// From a file as `spikectl keygen` makes it. `server` is the daemon's public key, or the path of
    /// a file with it.
    pub fn load(own: impl AsRef<Path>, server: &str) -> Result<Keys> {
        let own = own.as_ref();
        check_private(own)?;
        let text = read(own)?;
        let secret = entry(&text, "secret").ok_or_else(|| no_line(own, "secret"))?;
        let public = public_of(secret)?;
        if entry(&text, "public").map_or(false, |given| given != public) {
            return Err(Error::Invalid(format!(
                "{} is damaged: its public key does not belong to its secret one",
                own.display()
            )));
        }
        let path = Path::new(server);
        let server = if server.len() != KEY_SIZE || path.exists() {
            entry(&read(path)?, "public").ok_or_else(|| no_line(path, "public"))?.to_owned()
        } else {
            server.to_owned()
        };
        Ok(Keys { server, public, secret: secret.to_owned() })
    }

    /// Makes a socket use them; before it connects.
    pub(crate) fn lock(&self, socket: &zmq::Socket) -> Result<()> {
        let rows = [
            ("server", socket.set_curve_serverkey(text(&self.server)?.to_bytes_with_nul())),
            ("public", socket.set_curve_publickey(text(&self.public)?.to_bytes_with_nul())),
            ("secret", socket.set_curve_secretkey(text(&self.secret)?.to_bytes_with_nul())),
        ];
        match rows.iter().find(|(_, result)| result.is_err()) {
            Some((name, _)) => Err(no_key(name)),
            None => Ok(()),
        }
    }
}

fn no_key(name: &str) -> Error {
    Error::Invalid(format!("the {name} key is not one of {KEY_SIZE} characters (Z85)"))
}

/// As libzmq takes it.
fn text(key: &str) -> Result<CString> {
    CString::new(key).map_err(|_| Error::Invalid("a key has no NUL".into()))
}

fn no_line(path: &Path, name: &str) -> Error {
    Error::Invalid(format!(
        "{} has no line {name}: \"…\" with a key of {KEY_SIZE} characters",
        path.display()
    ))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))
}

/// The key in the line `name: "…"`.
fn entry<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let (key, _) = value.split_once('"')?;
        (key.len() == KEY_SIZE).then_some(key)
    })
}

extern "C" {
    // Not among what zmq-sys gives out, which links the library.
    fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int;
}

fn public_of(secret: &str) -> Result<String> {
    let secret = text(secret)?;
    let mut public = [0u8; KEY_SIZE + 1];
    // Both hold 40 characters and a NUL, as the function asks for: `entry` looks at the length.
    let rc = unsafe { zmq_curve_public(public.as_mut_ptr().cast(), secret.as_ptr()) };
    if rc != 0 {
        return Err(no_key("secret"));
    }
    Ok(String::from_utf8_lossy(&public[..KEY_SIZE]).into_owned())
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let about =
        std::fs::metadata(path).map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))?;
    if about.mode() & 0o027 != 0 {
        return Err(Error::Invalid(format!(
            "{} may be read or changed by others: chmod 600",
            path.display()
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<()> {
    Ok(())
}
