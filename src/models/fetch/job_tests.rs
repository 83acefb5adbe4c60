use super::*;

fn job() -> Job {
    let file = JobFile {
        name: "model-Q4_K_M.gguf".into(),
        urls: vec!["https://hub.test/a".into(), "http://127.0.0.1:1/a".into()],
        bytes: Some(3),
        sha256: Some("ab".repeat(32)),
        strict: true,
    };
    Job { files: vec![file], folder: "models".into() }
}

fn refused(change: impl Fn(&mut JobFile)) -> String {
    let mut job = job();
    change(&mut job.files[0]);
    job.check().unwrap_err().to_string()
}

#[test]
fn a_usual_job_is_accepted() {
    assert_eq!(job().check(), Ok(()));
    let two = Job { files: vec![job().files[0].clone(), JobFile { name: "b.json".into(), ..job().files[0].clone() }], ..job() };
    assert_eq!(two.check(), Ok(()));
}

#[test]
fn names_that_lead_out_of_the_folder_or_into_our_own_files_are_refused() {
    for name in
        ["", ".", "..", "../x", "a/b", "a\\b", "/etc/x", "C:x", "a\0b", "a\nb", ".fetch.lock", "x.part", "x.PART", "y.part.toml", "z."]
    {
        let why = refused(|file| file.name = name.into());
        assert!(why.starts_with("This cannot be fetched:") && !why.contains('\0') && !why.contains('\n'), "{name:?}: {why}");
    }
    let two = Job { files: vec![job().files[0].clone(), JobFile { name: "MODEL-q4_k_m.gguf".into(), ..job().files[0].clone() }], ..job() };
    assert!(two.check().unwrap_err().to_string().contains("twice"));
}

#[test]
fn addresses_and_hashes_must_be_some() {
    assert!(refused(|file| file.urls.clear()).contains("where"));
    for url in ["", "ftp://hub.test/a", "file:///etc/passwd", "/etc/passwd", "HTTPS:"] {
        assert!(refused(|file| file.urls[1] = url.into()).contains("no address"), "{url}");
    }
    for hash in ["", "ab", &"g".repeat(64), &"a".repeat(65)] {
        assert!(refused(|file| file.sha256 = Some(hash.into())).contains("64"), "{hash}");
    }
}

#[test]
fn no_password_stands_in_what_is_said_of_an_address() {
    for url in ["ftp://me:secret@hub.test/a?token=secret#secret", "me:secret@hub.test/a", "secret"] {
        let said = refused(|file| file.urls = vec![url.to_owned()]);
        assert!(said.contains("is no address of the web") && !said.contains("secret"), "{said}");
    }
}
