//! Requests in plain text, walked before the library decodes them: the library recurses without a
//! limit, and makes a hundred bytes in memory of one that it reads.
//!
//! A pattern describes a structure, a letter for each field; `[` and `]` enclose what an array
//! repeats:
//!
//! | letter | field | letter | field |
//! | --- | --- | --- | --- |
//! | `b` `h` `u` `d` `g` | 1, 2, 4, 8, 16 bytes | `e` | extension object |
//! | `s` | string or byte string | `V` | data value |
//! | `n` `x` | node id, expanded node id | `v` | variant |
//! | `q` `l` | qualified name, localized text | `D` | diagnostic info |

/// The deepest nesting of values; clients need three levels.
const DEPTH: u8 = 16;
/// The most memory that the library may take for a request, in bytes, as estimated.
const MEMORY: usize = 4 << 20;
/// What the library takes for an element of an array, in bytes: for each field of a structure, and
/// for a value.
const FIELD: usize = 40;

/// The number of a request's type, and what follows its header.
const REQUESTS: [(u32, &str); 36] = [
    (FIND_SERVERS, "s[s][s]"),
    (GET_ENDPOINTS, "s[s][s]"),
    (OPEN_CHANNEL, "uuusu"),
    (CLOSE_CHANNEL, ""),
    (CREATE_SESSION, "ssluss[s]sssssdu"),
    (ACTIVATE_SESSION, "ss[ss][s]ess"),
    (CLOSE_SESSION, "b"),
    (479, "u"),                         // Cancel
    (488, "[xnxquex]"),                 // AddNodes
    (494, "[nnbsxu]"),                  // AddReferences
    (500, "[nb]"),                      // DeleteNodes
    (506, "[nnbxb]"),                   // DeleteReferences
    (527, "nduu[nunbuu]"),              // Browse
    (533, "b[s]"),                      // BrowseNext
    (554, "[n[nbbq]]"),                 // TranslateBrowsePathsToNodeIds
    (560, "[n]"),                       // RegisterNodes
    (566, "[n]"),                       // UnregisterNodes
    (615, "ndu[xb[[nbbq]us]][u[e]]uu"), // QueryFirst
    (621, "bs"),                        // QueryNext
    (631, "du[nusq]"),                  // Read
    (664, "eub[nsqs]"),                 // HistoryRead
    (673, "[nusV]"),                    // Write
    (700, "[e]"),                       // HistoryUpdate
    (712, "[nn[v]]"),                   // Call
    (751, "uu[nusquudeub]"),            // CreateMonitoredItems
    (763, "uu[uudeub]"),                // ModifyMonitoredItems
    (769, "uu[u]"),                     // SetMonitoringMode
    (775, "uu[u][u]"),                  // SetTriggering
    (781, "u[u]"),                      // DeleteMonitoredItems
    (787, "duuubb"),                    // CreateSubscription
    (793, "uduuub"),                    // ModifySubscription
    (799, "b[u]"),                      // SetPublishingMode
    (PUBLISH, "[uu]"),                  // Publish
    (832, "uu"),                        // Republish
    (841, "[u]b"),                      // TransferSubscriptions
    (847, "[u]"),                       // DeleteSubscriptions
];
pub const FIND_SERVERS: u32 = 422;
pub const GET_ENDPOINTS: u32 = 428;
pub const OPEN_CHANNEL: u32 = 446;
pub const CLOSE_CHANNEL: u32 = 452;
pub const CREATE_SESSION: u32 = 461;
pub const ACTIVATE_SESSION: u32 = 467;
pub const CLOSE_SESSION: u32 = 473;
pub const PUBLISH: u32 = 826;

/// The extension objects that requests contain, by the number of their type.
const EXTENSIONS: [(u32, &str); 13] = [
    (321, "s"),              // AnonymousIdentityToken
    (324, "ssss"),           // UserNameIdentityToken
    (327, "ss"),             // X509IdentityToken
    (940, "sss"),            // IssuedIdentityToken
    (594, "u"),              // ElementOperand
    (597, "v"),              // LiteralOperand
    (603, "n[q]us"),         // SimpleAttributeOperand
    (649, "bddub"),          // ReadRawModifiedDetails
    (652, "ddd[n]bbbbb"),    // ReadProcessedDetails
    (655, "[d]b"),           // ReadAtTimeDetails
    (724, "uud"),            // DataChangeFilter
    (727, "[n[q]us][u[e]]"), // EventFilter
    (730, "dndbbbbb"),       // AggregateFilter
];

/// A variant's fields by the number of its type.
const VARIANT: &[u8] = b"_bbbhhuuddudsdgssnxuqleVvD";

/// Where a request breaks a limit.
pub type Refusal = &'static str;

/// A request whose structure is known, and within the limits.
#[derive(Debug)]
pub struct Request<'a> {
    pub kind: u32,
    /// What follows the header that all requests have.
    pub rest: &'a [u8],
}

/// Walks the whole body of a request.
pub fn check(body: &[u8]) -> Result<Request<'_>, Refusal> {
    let mut walk = Walk::new(body);
    let kind = walk.standard_id()?.ok_or("the type is unknown")?;
    let service = REQUESTS.iter().find(|(number, _)| *number == kind);
    let (_, pattern) = service.ok_or("the service is unknown")?;
    // Token, timestamp, handle, diagnostics, audit, timeout, additional header.
    walk.fields(b"nduusue")?;
    let rest = &body[walk.at..];
    walk.fields(pattern.as_bytes())?;
    if walk.at != body.len() {
        return Err("bytes follow the request");
    }
    Ok(Request { kind, rest })
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u8,
    memory: usize,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
            memory: 0,
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or("it ends too early")?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Refusal> {
        Ok(self.take(1)?[0])
    }

    fn number<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Refusal> {
        let taken = self.take(SIZE)?;
        taken.try_into().map_err(|_| "it ends too early")
    }

    /// A length; -1 is null.
    fn length(&mut self) -> Result<usize, Refusal> {
        match i32::from_le_bytes(self.number()?) {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_| "a length is negative"),
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > MEMORY {
            return Err("it takes too much memory");
        }
        Ok(())
    }

    fn fields(&mut self, pattern: &[u8]) -> Result<(), Refusal> {
        let mut rest = pattern;
        while let Some((&kind, after)) = rest.split_first() {
            rest = after;
            if kind == b'[' {
                let (element, after) = split_array(rest);
                self.array(element)?;
                rest = after;
            } else {
                self.value(kind)?;
            }
        }
        Ok(())
    }

    fn array(&mut self, element: &[u8]) -> Result<(), Refusal> {
        let count = self.length()?;
        self.charge(count.saturating_mul(FIELD * element.len()))?;
        for _ in 0..count {
            self.fields(element)?;
        }
        Ok(())
    }

    fn value(&mut self, kind: u8) -> Result<(), Refusal> {
        match kind {
            b'b' => self.skip(1),
            b'h' => self.skip(2),
            b'u' => self.skip(4),
            b'd' => self.skip(8),
            b'g' => self.skip(16),
            b's' => {
                let length = self.length()?;
                self.skip(length)
            }
            b'q' => self.fields(b"hs"),
            b'n' => {
                let kind = self.byte()?;
                self.node_id(kind)
            }
            b'x' => {
                let kind = self.byte()?;
                self.node_id(kind & 0x3f)?;
                self.flagged(kind, &[(0x80, b's'), (0x40, b'u')])
            }
            b'l' => {
                let flags = self.byte()?;
                self.flagged(flags, &[(1, b's'), (2, b's')])
            }
            b'_' => Ok(()),
            _ => self.nested(kind),
        }
    }

    fn skip(&mut self, count: usize) -> Result<(), Refusal> {
        self.take(count).map(drop)
    }

    fn flagged(&mut self, flags: u8, fields: &[(u8, u8)]) -> Result<(), Refusal> {
        let given = fields.iter().filter(|(flag, _)| flags & flag != 0);
        given
            .map(|(_, kind)| *kind)
            .try_for_each(|kind| self.value(kind))
    }

    fn node_id(&mut self, kind: u8) -> Result<(), Refusal> {
        let pattern: &[u8] = match kind {
            0 => b"b",
            1 => b"bh",
            2 => b"hu",
            3 | 5 => b"hs",
            4 => b"hg",
            _ => return Err("a node id has an unknown type"),
        };
        self.fields(pattern)
    }

    /// The number of a node id of the standard; `None` for those of others.
    fn standard_id(&mut self) -> Result<Option<u32>, Refusal> {
        let kind = self.byte()?;
        let start = self.at;
        self.node_id(kind)?;
        Ok(match (kind, &self.bytes[start..self.at]) {
            (0, &[number]) => Some(u32::from(number)),
            (1, &[0, a, b]) => Some(u32::from(u16::from_le_bytes([a, b]))),
            (2, &[0, 0, a, b, c, d]) => Some(u32::from_le_bytes([a, b, c, d])),
            _ => None,
        })
    }

    /// The values that can contain each other.
    fn nested(&mut self, kind: u8) -> Result<(), Refusal> {
        if self.depth == DEPTH {
            return Err("values are nested too deeply");
        }
        self.depth += 1;
        match kind {
            b'v' => self.variant(),
            b'V' => {
                let flags = self.byte()?;
                let fields = [
                    (1, b'v'),
                    (2, b'u'),
                    (4, b'd'),
                    (16, b'h'),
                    (8, b'd'),
                    (32, b'h'),
                ];
                self.flagged(flags, &fields)
            }
            b'D' => {
                let flags = self.byte()?;
                let fields = [1, 2, 8, 4].map(|flag| (flag, b'u'));
                self.flagged(flags, &fields)?;
                self.flagged(flags, &[(16, b's'), (32, b'u'), (64, b'D')])
            }
            _ => self.extension(),
        }?;
        self.depth -= 1;
        Ok(())
    }

    fn variant(&mut self) -> Result<(), Refusal> {
        let mask = self.byte()?;
        let kind = usize::from(mask & 0x3f);
        let kind = *VARIANT.get(kind).ok_or("a value has an unknown type")?;
        let (is_array, has_dimensions) = (mask & 0x80 != 0, mask & 0x40 != 0);
        if !is_array {
            return if has_dimensions {
                Err("a value has dimensions, but is not an array")
            } else {
                self.value(kind)
            };
        }
        let count = self.length()?;
        if count == 0 {
            // The library reads no dimensions.
            return Ok(());
        }
        if kind == b'_' {
            return Err("an array has no type");
        }
        self.charge(count.saturating_mul(FIELD))?;
        if matches!(kind, b'V' | b'D' | b'e') {
            self.charge(count.saturating_mul(4 * FIELD))?;
        }
        for _ in 0..count {
            self.value(kind)?;
        }
        if has_dimensions {
            self.array(b"u")?;
        }
        Ok(())
    }

    fn extension(&mut self) -> Result<(), Refusal> {
        let kind = self.standard_id()?;
        match self.byte()? {
            0 => return Ok(()),
            1 => {}
            _ => return Err("an extension object is not binary"),
        }
        let length = self.length()?;
        if length == 0 {
            return Ok(());
        }
        let known = EXTENSIONS.iter().find(|(number, _)| Some(*number) == kind);
        let (_, pattern) = known.ok_or("an extension object has an unknown type")?;
        let end = self.at.saturating_add(length);
        self.fields(pattern.as_bytes())?;
        if self.at != end {
            return Err("an extension object has another length than its fields");
        }
        Ok(())
    }
}

/// Splits what follows a `[` into the pattern of the elements, and the rest after its `]`.
fn split_array(pattern: &[u8]) -> (&[u8], &[u8]) {
    let mut depth = 0;
    for (index, kind) in pattern.iter().enumerate() {
        match kind {
            b'[' => depth += 1,
            b']' if depth == 0 => return (&pattern[..index], &pattern[index + 1..]),
            b']' => depth -= 1,
            _ => {}
        }
    }
    unreachable!("the patterns are constants, which the tests walk")
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use super::*;

    /// The requests of the corpus, as hexadecimal digits.
    fn corpus() -> Vec<(String, Vec<u8>)> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
        let files = fs::read_dir(directory).expect("the corpus is in the repository");
        let request = |file: io::Result<fs::DirEntry>| {
            let path = file.expect("it can be read").path();
            let text = fs::read_to_string(&path).expect("it can be read");
            let digits: Vec<_> = text.chars().filter_map(|one| one.to_digit(16)).collect();
            let bytes = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]);
            let bytes = bytes.map(|byte| u8::try_from(byte).expect("two digits"));
            (path.display().to_string(), bytes.collect())
        };
        files.map(request).collect()
    }

    #[test]
    fn accepts_requests_of_clients() {
        for (name, body) in corpus() {
            assert!(check(&body).is_ok(), "{name}: {:?}", check(&body));
        }
    }

    #[test]
    fn refuses_requests_that_end_early_or_late() {
        for (name, mut body) in corpus() {
            for end in 0..body.len() {
                assert!(check(&body[..end]).is_err(), "{name}, {end} bytes");
            }
            body.push(0);
            assert!(check(&body).is_err(), "{name}");
        }
    }
}
