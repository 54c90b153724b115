//! What the process document and the audit report have to say and the configuration does not: `fahrtenbuch check --for audit`.

use crate::pipeline::Pipeline;
use crate::workspace::lacks::{Lack, Lacking};
use crate::workspace::{FILE, Workspace};
use crate::yaml::{self, Problem};

/// Each field that would stand empty in the process document, or keeps the audit report from being made, with a line to write.
///
/// # Errors
/// A file of the workspace cannot be read.
pub fn wanted_by_audit(workspace: &Workspace) -> Result<Vec<Lack>, Vec<Problem>> {
    let file = workspace.root.join(FILE);
    let node = yaml::read(&file)?;
    let mut lacking = Lacking::of_file(&file, &node);
    let site = &workspace.site;
    let (imprint, privacy) = (&site.portal.imprint, &site.portal.privacy);
    if !workspace.publication {
        let line = node.get("publication").map_or(node.line, |node| node.line);
        let what = "An audit demands more: the tables that its numbers are counted from are left out".to_owned();
        lacking.change(line, what, "Take 'publication: off' out, and run 'fahrtenbuch publish --rebuild'.".to_owned());
    }
    let mut add = |is_there: bool, path: &[&str], what: &str, example: &str| {
        if !is_there {
            lacking.add(path, &format!("An audit demands more: {what}"), example);
        }
    };
    add(!workspace.people.is_empty(), &[], "it is not said who may decide", "people: [Datenmanagement]");
    let contact = "name: Datenmanagement\nemail: offene-daten@example.de";
    add(site.metadata.contact.is_some(), &["contact"], "nobody is named who answers questions about the data", contact);
    let purpose = "introduction: Wozu die Stadt diese Daten veröffentlicht";
    add(site.portal.introduction.is_some(), &["portal"], "it is not said what the data are published for", purpose);
    let path = ["portal", "imprint"];
    add(imprint.name.is_some(), &path, "it is not said which body is responsible", "name: Stadt Musterstadt");
    add(
        imprint.address.is_some(),
        &path,
        "the responsible body has no address",
        "address: Rathausplatz 1, 12345 Musterstadt",
    );
    let represented = "represented_by: Oberbürgermeisterin Erika Mustermann";
    add(imprint.represented_by.is_some(), &path, "it is not said who represents the responsible body", represented);
    let path = ["portal", "privacy"];
    let officer = "data_protection_officer: Stadt Musterstadt, datenschutz@example.de";
    add(privacy.data_protection_officer.is_some(), &path, "no data protection officer is named", officer);
    let hosting = "hosting: Die Daten liegen auf einem Server der Rechenzentrum GmbH in Deutschland";
    add(privacy.hosting.is_some(), &path, "it is not said who runs the server, and where", hosting);
    add(workspace.backup.is_some(), &["backup"], "it is not said where backups go", "to: /mnt/backup");
    let mut lacks = lacking.finish();
    for pipeline in &workspace.pipelines {
        lacks.extend(of_pipeline(pipeline)?);
    }
    Ok(lacks)
}

fn of_pipeline(pipeline: &Pipeline) -> Result<Vec<Lack>, Vec<Problem>> {
    let node = yaml::read(&pipeline.file)?;
    let mut lacking = Lacking::new(&pipeline.file, &node);
    if pipeline.description.is_none() {
        let what = format!("An audit demands more: it is not said what '{}' is", pipeline.dataset);
        let remedy = "Write 'description: Was veröffentlicht wird und wozu' at the beginning of the file.";
        lacking.change(pipeline.line, what, remedy.to_owned());
    }
    for feed in pipeline.feeds.iter().filter(|feed| feed.terms.licence.is_none()) {
        let what = format!("An audit demands more: it is not said who has the rights in the data of '{}'", feed.name);
        let remedy = "Write 'licence: own' where the data are the publisher's, 'licence: agreement' where whoever has the rights agreed, or the \
                      id of their licence.";
        lacking.change(feed.terms.line, what, remedy.to_owned());
    }
    Ok(lacking.finish())
}
