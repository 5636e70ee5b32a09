//! Makes a certificate of the lines of a file.

use super::error::{CertificateError, CertificateFault};
use super::zpl::ZplLine;
use super::{CURVE, Certificate, METADATA, PUBLIC_KEY, SECRET_KEY};
use ringmq_zmtp::{CurvePublicKey, CurveSecretKey};

/// What has been read of a certificate.
#[derive(Default)]
pub(super) struct CertificateReader {
    /// Of the line before.
    section: Option<CertificateSection>,
    seen: Vec<CertificateSection>,
    public: Option<CurvePublicKey>,
    secret: Option<(usize, CurveSecretKey)>,
    metadata: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CertificateSection {
    Metadata,
    Curve,
}

impl CertificateReader {
    pub(super) fn take(&mut self, line: &ZplLine<'_>) -> Result<(), CertificateError> {
        let at = |fault: CertificateFault| CertificateError::at(line.number, fault);
        let repeated = |said: bool| if said { Err(at(CertificateFault::Repeated)) } else { Ok(()) };
        match (line.level, self.section, line.name) {
            (0, _, name) => {
                self.section = match name {
                    METADATA => Some(CertificateSection::Metadata),
                    CURVE => Some(CertificateSection::Curve),
                    _ => None,
                };
                if let Some(section) = self.section {
                    repeated(self.seen.contains(&section))?;
                    self.seen.push(section);
                }
            }
            (1, Some(CertificateSection::Metadata), name) => {
                repeated(self.metadata.iter().any(|(known, _)| known == name))?;
                self.metadata.push((name.to_owned(), line.value.to_owned()));
            }
            (1, Some(CertificateSection::Curve), PUBLIC_KEY) => {
                repeated(self.public.is_some())?;
                let key: CurvePublicKey =
                    line.value.parse().map_err(|error| CertificateError::at(line.number, error))?;
                if key.as_bytes() == &[0; 32] {
                    return Err(at(CertificateFault::ZeroKey));
                }
                self.public = Some(key);
            }
            (1, Some(CertificateSection::Curve), SECRET_KEY) => {
                repeated(self.secret.is_some())?;
                let key =
                    line.value.parse().map_err(|error| CertificateError::at(line.number, error))?;
                self.secret = Some((line.number, key));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn certificate(self) -> Result<Certificate, CertificateError> {
        let Some(public) = self.public else {
            return Err(CertificateFault::NoPublicKey.into());
        };
        // czmq writes zeros if it knows of none.
        let secret = self.secret.filter(|(_, key)| key.as_bytes() != &[0; 32]);
        if let Some((line, key)) = &secret
            && key.public_key() != public
        {
            return Err(CertificateError::at(*line, CertificateFault::KeysDiffer));
        }
        let secret = secret.map(|(_, key)| key);
        Ok(Certificate { public, secret, metadata: self.metadata })
    }
}
