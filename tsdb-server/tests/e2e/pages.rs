//! Pages of metrics for a Prometheus to scrape.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// A page: its path, content type and text.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) text: Vec<u8>,
}

/// Serves the pages until the test ends; its address.
pub(crate) fn serve(pages: Vec<Page>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A scrape that is given up is of no interest here.
            let _ = stream.and_then(|stream| answer(stream, &pages));
        }
    });
    address
}

fn answer(mut stream: TcpStream, pages: &[Page]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let line = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = line.split(' ').nth(1).unwrap_or_default();
    let Some(page) = pages.iter().find(|page| page.path == path) else {
        return stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n");
    };
    let head = format!(
        "HTTP/1.0 200 OK\r\ncontent-type: {}\r\n\r\n",
        page.content_type
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&page.text)
}
