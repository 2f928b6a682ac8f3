//! What each setting may be: the same reading as where it is used.

use super::super::output::{Exit, Failure};
use crate::app::OpenOptions;

pub(super) fn is_database(value: &str) -> Result<(), Failure> {
    let options = OpenOptions { url: value.to_owned(), migrate_url: None };
    options.file().map(|_| ()).map_err(|error| crate::app::error::AppError::from(error).into())
}

pub(super) fn is_public_url(text: &str) -> Result<(), Failure> {
    super::super::serve::public(text).map(drop)
}

pub(super) fn is_address(value: &str) -> Result<(), Failure> {
    super::super::serve::address(value).map(|_| ())
}

pub(super) fn is_file(value: &str) -> Result<(), Failure> {
    if std::path::Path::new(value).is_file() {
        return Ok(());
    }
    Err(Failure::new(Exit::Configuration, format!("Không có tệp {value}."), format!("There is no file {value}.")))
}

pub(super) fn is_months(value: &str) -> Result<(), Failure> {
    super::super::privacy::months_of(value).map(drop)
}

pub(super) fn is_name(value: &str) -> Result<(), Failure> {
    if (2..=200).contains(&value.trim().chars().count()) && !value.chars().any(char::is_control) {
        return Ok(());
    }
    let vi = format!("Tên {value:?} không dùng được: cần 2 đến 200 ký tự trên một dòng.");
    Err(Failure::new(Exit::Configuration, vi, format!("The name {value:?} cannot be used: 2 to 200 characters.")))
}

pub(super) fn is_web_address(value: &str) -> Result<(), Failure> {
    if value.parse::<crate::domain::webhook::WebhookUrl>().is_ok() {
        return Ok(());
    }
    let vi = format!("{value} không phải địa chỉ https://….");
    Err(Failure::new(Exit::Configuration, vi, format!("{value} is no https://… address.")))
}

pub(super) fn is_reach(value: &str) -> Result<(), Failure> {
    super::super::book::reach_of(value).map(drop)
}

/// A folder that is missing is made when the first key is.
pub(super) fn is_folder(value: &str) -> Result<(), Failure> {
    let path = std::path::Path::new(value);
    if path.is_dir() || !path.exists() {
        return Ok(());
    }
    Err(Failure::new(Exit::Configuration, format!("{value} không phải thư mục."), format!("{value} is no folder.")))
}

pub(super) fn is_level(value: &str) -> Result<(), Failure> {
    super::super::logs::level(value).map(|_| ())
}

pub(super) fn is_collector(value: &str) -> Result<(), Failure> {
    let form = crate::app::soc::Form::Rfc5424;
    crate::app::soc::SocSettings::read(value, form, None).map(drop).map_err(Failure::from)
}

pub(super) fn is_soc_form(value: &str) -> Result<(), Failure> {
    super::super::book::soc_form(value).map(drop)
}

pub(super) fn is_format(value: &str) -> Result<(), Failure> {
    super::super::logs::Format::read(value).map(|_| ())
}

pub(super) fn is_traces_endpoint(value: &str) -> Result<(), Failure> {
    super::super::traces::endpoint(value).map(drop)
}

pub(super) fn are_headers(value: &str) -> Result<(), Failure> {
    super::super::traces::headers(value).map(drop)
}

pub(super) fn is_share(value: &str) -> Result<(), Failure> {
    super::super::traces::per_mille(value).map(drop)
}
