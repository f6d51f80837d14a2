//! What a verb has in hand: the language, the folder, somebody to ask, and the terminal.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use sekisho_control::{Command, Done};
use sekisho_message::{Language, Text, say};
use sekisho_moving::Move;
use serde_json::Value;

use crate::config::Settings;
use crate::desk::{Caller, Query};
use crate::show::Bar;
use crate::trouble::{Exit, Trouble};

/// Longest password or rule text from standard input.
const LONGEST_INPUT: u64 = 1 << 20;

/// One verb's surroundings.
pub struct Shell {
    /// The language of the person.
    pub language: Language,
    /// Whether programs read the output.
    pub json: bool,
    /// The data folder.
    pub dir: PathBuf,
    caller: Option<Caller>,
    out: Box<dyn Write>,
}

impl Shell {
    /// A shell that prints to standard output.
    #[must_use]
    pub fn new(language: Language, json: bool, dir: PathBuf) -> Self {
        Self { language, json, dir, caller: None, out: Box::new(io::stdout()) }
    }

    /// The same, printing elsewhere.
    #[must_use]
    pub fn printing_to(mut self, out: Box<dyn Write>) -> Self {
        self.out = out;
        self
    }

    /// The configuration.
    ///
    /// # Errors
    /// When it is missing or wrong.
    pub fn settings(&self) -> Result<Settings, Trouble> {
        Ok(Settings::load(&self.dir)?)
    }

    /// Looks at something.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn ask(&mut self, query: Query) -> Result<Value, Trouble> {
        self.caller()?.ask(query)
    }

    /// Changes something and says so.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn act(&mut self, command: Command) -> Result<Exit, Trouble> {
        let done = self.run(command)?;
        self.say_done(&done)?;
        Ok(Exit::Well)
    }

    /// Changes something.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn run(&mut self, command: Command) -> Result<Done, Trouble> {
        let mut bar = Bar::new();
        let done = self.caller()?.run(command, &mut |portion| bar.show(portion));
        bar.end();
        done
    }

    /// Brings something here, or takes it away.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn carry(&mut self, wanted: Move) -> Result<Done, Trouble> {
        let mut bar = Bar::new();
        let done = self.caller()?.carry(wanted, &mut |portion| bar.show(portion));
        bar.end();
        done
    }

    /// Prints what an act did.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn say_done(&mut self, done: &Done) -> Result<(), Trouble> {
        if !self.json {
            return self.say(&done.text);
        }
        let mut value = match &done.data {
            Value::Object(map) => Value::Object(map.clone()),
            _ => serde_json::json!({}),
        };
        value["text"] = serde_json::json!(done.text.get(self.language));
        self.print_json(&value)
    }

    /// Prints a sentence.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn say(&mut self, text: &Text) -> Result<(), Trouble> {
        let line = format!("{}\n", text.get(self.language));
        self.print(&line)
    }

    /// Prints `text` as it is.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn print(&mut self, text: &str) -> Result<(), Trouble> {
        self.print_bytes(text.as_bytes())
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.out.write_all(bytes).and_then(|()| self.out.flush()).map_err(|error| match error.kind() {
            // `sekisho logs inlog | head` has seen enough: that is no trouble.
            io::ErrorKind::BrokenPipe => Trouble { exit: Exit::Well, ..Trouble::found(Text::new("", "")) },
            _ => Trouble::from_io(error),
        })
    }

    /// Prints a JSON value.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn print_json(&mut self, value: &Value) -> Result<(), Trouble> {
        self.print(&format!("{value}\n"))
    }

    /// Asks the person at the terminal; without a terminal the answer is no.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn confirm(&mut self, question: &Text) -> Result<bool, Trouble> {
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(false);
        }
        let ask = say!(ja: "実行しますか?", en: "Do it?");
        eprint!("{}\n{} [y/N] ", question.get(self.language), ask.get(self.language));
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(Trouble::from_io)?;
        Ok(matches!(line.trim(), "y" | "Y" | "yes" | "はい"))
    }

    /// All of standard input, without the line end that `echo` adds.
    ///
    /// # Errors
    /// When it is too long or not UTF-8.
    pub fn input(&self) -> Result<String, Trouble> {
        let mut bytes = Vec::new();
        io::stdin().lock().take(LONGEST_INPUT + 1).read_to_end(&mut bytes).map_err(Trouble::from_io)?;
        let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= LONGEST_INPUT);
        let text = text.ok_or_else(|| {
            Trouble::could_not(say!(
                ja: "標準入力が長すぎるか、UTF-8 ではありません。",
                en: "Standard input is too long or not UTF-8."
            ))
        })?;
        let text = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
        Ok(text.to_owned())
    }

    /// Lets the data folder go, so that a server can start meanwhile; the next question finds out anew who answers.
    pub fn let_go(&mut self) {
        self.caller = None;
    }

    fn caller(&mut self) -> Result<&mut Caller, Trouble> {
        if self.caller.is_none() {
            let settings = self.settings()?;
            self.caller = Some(Caller::find(&settings)?);
        }
        match &mut self.caller {
            Some(caller) => Ok(caller),
            None => Err(Trouble::could_not(say!(ja: "応答がありません。", en: "Nobody answers."))),
        }
    }
}
