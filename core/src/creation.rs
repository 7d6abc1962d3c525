//! How boards come and go: created, taken over, replaced, removed. A death at any point leaves the
//! old board or the new one.

use crate::board::{Before, Board, absent};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::place::Place;
use crate::schema::Schema;
use crate::segment::{Draft, remove};
use crate::trust::Access;
use crate::turn::Turn;

const DEFAULT_MODE: u32 = 0o640;

/// How a board is created. All zero is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Slots of the ring, a power of two from 4; 0 chooses by the record's size.
    pub slots: u32,
    /// Permissions of the board's file; 0 is 0640. Who may write the file may become its writer.
    pub mode: u32,
    /// Replace a board that has another schema or other slots, or is damaged. The sequences go on,
    /// except those of a damaged board, whose readers are not told either.
    pub replace: bool,
}

/// A board as its creator wants it.
struct Wanted<'a> {
    place: &'a Place,
    schema: &'a Schema,
    layout: Layout,
    mode: u32,
    options: &'a Options,
}

/// Creates a board or opens the one that is there, for the one whose turn it then is.
pub fn create(place: &Place, schema: &Schema, options: &Options) -> Result<(Board, Turn)> {
    let wanted = Wanted::new(place, schema, options)?;
    let turn = Turn::take(place, wanted.mode)?;
    let open = || Board::open(place.clone(), Access::Write);
    let mut board = match open() {
        Ok(old) => match wanted.difference(&old) {
            None => old,
            Some(_) if options.replace => {
                wanted.replace(&old)?;
                open()?
            }
            Some(error) => return Err(error),
        },
        Err(error) => match error.kind() {
            ErrorKind::NotFound => {
                if !wanted.draft(Before::default())?.link(&place.board)? {
                    let path = place.board.display();
                    let message = format!("{path} appeared while its lock was held; try again");
                    return Err(Error::new(ErrorKind::System, message));
                }
                open()?
            }
            ErrorKind::Corrupt | ErrorKind::Unsupported if options.replace => {
                wanted
                    .draft(Before::default())?
                    .replace(&place.board, &place.next)?;
                open()?
            }
            _ => return Err(error),
        },
    };
    if options.mode != 0 {
        board.set_mode(options.mode)?;
    }
    Ok((board, turn))
}

/// Removes a board: its readers find it gone. `LOCKED` while it has a writer, `NOT_FOUND` when there
/// is none.
pub fn unlink(board: &str) -> Result<()> {
    let place = Place::parse(board)?;
    let board_mode = removable(&place)?.map_or(0o600, |board| board.status.st_mode);
    let turn = Turn::take(&place, board_mode)?;
    // What it was before the turn, it may be no longer.
    let board = removable(&place)?;
    if let Some(board) = &board {
        board.ring().mark_gone();
    }
    let removed = remove(&place.board).inspect_err(|_| {
        if let Some(board) = &board {
            board.ring().unmark_gone();
        }
    })?;
    if let Some(board) = &board {
        board.wake();
    }
    // Left by one who died while replacing the board.
    remove(&place.next)?;
    turn.discard()?;
    if removed { Ok(()) } else { Err(absent(&place)) }
}

/// The board that is to be removed; `None` if what stands there is none, and so has no readers.
fn removable(place: &Place) -> Result<Option<Board>> {
    match Board::open(place.clone(), Access::Tidy) {
        Ok(board) => Ok(Some(board)),
        Err(error) => match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Untrusted => Ok(None),
            _ => Err(error),
        },
    }
}

impl<'a> Wanted<'a> {
    fn new(place: &'a Place, schema: &'a Schema, options: &'a Options) -> Result<Self> {
        let mode = match options.mode {
            0 => DEFAULT_MODE,
            mode => mode,
        };
        let refuse = |message: String| {
            let message = format!("board {}: {message}", place.name);
            Err(Error::new(ErrorKind::InvalidArgument, message))
        };
        if mode & !0o664 != 0 || mode & 0o600 != 0o600 {
            return refuse(format!(
                "mode {mode:04o} will not do: its owner reads and writes it, nobody executes it, \
                 and not everybody writes it; as in 0600, 0640, 0660 or 0664"
            ));
        }
        let slots = match options.slots {
            0 => Layout::default_slots(schema.record_size()),
            slots => slots,
        };
        let Some(layout) = Layout::new(schema.fields().len(), schema.record_size(), slots) else {
            let size = schema.record_size();
            return refuse(format!(
                "{slots} slots of {size} bytes will not do; use 4, 8, 16 ... 65536"
            ));
        };
        Ok(Self {
            place,
            schema,
            layout,
            mode,
            options,
        })
    }

    fn draft(&self, before: Before) -> Result<Draft> {
        Board::draft(self.place, self.schema, &self.layout, self.mode, before)
    }

    fn difference(&self, old: &Board) -> Option<Error> {
        let Place { name, board, .. } = self.place;
        let path = board.display();
        if let Some(difference) = old.schema.difference(self.schema) {
            let message = format!(
                "board {name} ({path}) has another schema: {difference}; ask to replace it, \
                 or use another name"
            );
            return Some(Error::new(ErrorKind::InvalidFields, message));
        }
        let (has, wants) = (old.layout.slot_count, self.options.slots);
        (wants != 0 && has != wants).then(|| {
            let message = format!(
                "board {name} ({path}) has {has} slots, not {wants}; ask to replace it, \
                 or leave the slots open"
            );
            Error::new(ErrorKind::InvalidArgument, message)
        })
    }

    /// The mark first: a death before the new segment has the name leaves the old one, which then
    /// goes on, as readers ask the name and the next writer takes the mark back.
    fn replace(&self, old: &Board) -> Result<()> {
        let before = Before {
            sequence: old.ring().head().sequence,
            generation: old.generation(),
        };
        let draft = self.draft(before)?;
        old.ring().mark_gone();
        draft
            .replace(&self.place.board, &self.place.next)
            .inspect_err(|_| old.ring().unmark_gone())?;
        old.wake();
        Ok(())
    }
}
